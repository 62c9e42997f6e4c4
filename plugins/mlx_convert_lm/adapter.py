"""The one module that calls mlx-lm. By keyword only, and what comes back is looked at.

Its signatures drift between minor releases; nothing else here may call it (`importing.py` imports it).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mlx_convert_engine.model_classes import LazyModel, widened_on_cpu
from mlx_convert_engine.renaming import renamings
from mlx_convert_engine.text_tokens import TextTokens
from mlx_convert_engine.words import OnlyWords

from mlx_convert_core.plugin import (
    ConversionFailed,
    GenerationFailed,
    MlxConvertError,
    ModelInfo,
    TensorKinds,
    dtypes,
    file_names,
    read_config,
)
from mlx_convert_lm.config.heads import Head, head_in
from mlx_convert_lm.config.meaning import OTHER_MODEL, Meaning
from mlx_convert_lm.handing import MISNAMED, Handing
from mlx_convert_lm.importing import loader_of_models, public
from mlx_convert_lm.load_errors import explain_load, first_line
from mlx_convert_lm.module_limit import filled_by
from mlx_convert_lm.spare_tensors import text_class, without_spare
from mlx_convert_lm.ternary import layers_of, only_as_stored
from mlx_convert_lm.tokenizers.for_readers import readable
from mlx_convert_lm.tokenizers.small_files import TOKENIZER, VOCABULARIES
from mlx_convert_lm.weight_names import under_usual_names

PREFILL_TOKENS = 512  # read at once: few enough that an answer can be stopped soon


def load_lazily(
    folder: Path, source: ModelInfo | None = None, *, trust_remote_code: bool, head: Head | None = None
) -> LazyModel:
    """Load a checkpoint by its own model class without reading a weight.

    ``source`` is given when it is to be converted: what its class can't take as it is, is handed to it expanded, or
    under another name. ``head`` is what the weight files hold for an output head; None looks (`head_in`), which takes
    the real files. Raises CorruptCheckpoint and UnsupportedModel with mlx-lm's reason in our words.
    """
    handing = Handing.of(source) if source is not None else Handing(name=folder.name)
    try:
        return _loaded(folder, handing, head, trust_remote_code=trust_remote_code)
    except MlxConvertError as error:
        if error.code not in MISNAMED or source is None:
            raise
        for renaming in renamings([tensor.name for tensor in source.tensors], handing.wanted):
            try:
                return _loaded(folder, handing.under(renaming), head, trust_remote_code=trust_remote_code)
            except MlxConvertError as other:
                if other.code in OTHER_MODEL:  # it fits, and would be another model
                    raise
        raise handing.reason(error) from error


def _loaded(folder: Path, handing: Handing, head: Head | None, *, trust_remote_code: bool) -> LazyModel:
    arrays: dict[str, Any] = {}
    meaning = Meaning(handing.name, handing.steps)
    try:
        with (
            loader_of_models() as mlx_lm,
            under_usual_names(folder, handing.shards) as named,
            readable(named) as plain,
            filled_by(plain, handing.name, len(handing.tensors)),
        ):
            default = inspect.signature(mlx_lm.load_model).parameters["get_model_classes"].default
            model, config = mlx_lm.load_model(
                model_path=plain,
                lazy=True,
                strict=True,
                model_config=dict(handing.settings),
                get_model_classes=lambda config: _recording(
                    *meaning.apply(
                        config, default(config=config), head or head_in(handing.folder or folder, handing.tensors)
                    ),
                    arrays,
                    handing,
                    meaning,
                ),
                trust_remote_code=trust_remote_code,
            )
    except MlxConvertError:
        raise
    except (Exception, SystemExit) as error:  # a class whose own package is missing ends the program
        raise explain_load(error, folder, handing.name, arrays) from error
    _check_answer(model, config)
    return LazyModel(
        model=model,
        config={name: value for name, value in config.items() if value is not None or name not in handing.settings},
        arrays=arrays,
        quant_predicate=getattr(model, "quant_predicate", None),
        cast_predicate=getattr(model, "cast_predicate", None),
        dtype=dtypes.target_dtype(config),
        drops=frozenset() if "vision_tower" in getattr(model, "model", {}) else frozenset({"vision_config"}),
        text_only_config=text_class(config),
        findings=(*handing.findings(), *meaning.check(model, config)),
        only_as_stored=only_as_stored(model, handing.built, handing.name),
    )


def _check_answer(model: Any, config: Any) -> None:
    if not hasattr(model, "parameters") or not isinstance(config, dict):
        raise ConversionFailed(
            "this release of mlx-lm answers in a way that mlx-convert does not know.",
            hint="A newer mlx-convert, or an older mlx-lm, goes together with the other.",
            code="mlx_lm_drift",
        )


def _recording(
    model: type[Any], arguments: type[Any], arrays: dict[str, Any], handing: Handing, meaning: Meaning
) -> tuple[type[Any], type[Any]]:
    """The model class, noting in ``arrays`` what is read for its sanitize, and handed ``handing``'s form of that.

    It takes no offence at spare tensors.
    """
    from mlx.utils import tree_flatten

    kinds = TensorKinds(handing.config)

    class Recorded(model):  # type: ignore[misc,valid-type]
        def sanitize(self, weights: dict[str, Any]) -> dict[str, Any]:
            arrays.update(weights)
            handing.wanted.update(name for name, _ in tree_flatten(self.parameters()))
            handing.built.update(layers_of(self))
            weights = meaning.without_copy(handing.form(weights))
            parent = getattr(super(), "sanitize", None)
            return without_spare(parent(weights) if parent is not None else weights, self, kinds)

    Recorded.__name__, Recorded.__module__ = model.__name__, model.__module__
    return Recorded, arguments


def is_switch_linear(layer: Any) -> bool:
    """Whether ``layer`` is quantized as mlx-lm's layer of stacked experts; by name, whichever copy it is of."""
    method = type(layer).to_quantized
    return (method.__module__, method.__qualname__) == ("mlx_lm.models.switch_layers", "SwitchLinear.to_quantized")


def load_to_answer(folder: Path, *, trust_remote_code: bool) -> LazyModel:
    """A model as it answers, its weights not read yet. Raises GenerationFailed, and what `load_lazily` raises."""

    if not any(next(folder.glob(pattern), None) for pattern in (TOKENIZER, *VOCABULARIES)):
        raise GenerationFailed(
            f"{folder.name} has no tokenizer, so it can't read a prompt.",
            hint="Copy tokenizer.json and tokenizer_config.json from the original model into the folder.",
            code="tok_missing",
        )
    loaded = load_lazily(folder, trust_remote_code=trust_remote_code)
    loaded.arrays.clear()
    widened_on_cpu(loaded.model)
    return loaded


def load_for_generation(folder: Path, lazy: LazyModel, *, trust_remote_code: bool) -> tuple[Any, Any]:
    """The model of `load_to_answer` with its weights in memory, and its tokenizer. Raises GenerationFailed."""
    import mlx.core as mx

    mx.eval(lazy.model.parameters())
    return lazy.model, load_tokenizer(folder, lazy.config, trust_remote_code=trust_remote_code)


def load_tokenizer(folder: Path, config: Mapping[str, Any], *, trust_remote_code: bool) -> Any:
    """The tokenizer in ``folder``, in mlx-lm's wrapper. Raises GenerationFailed (code ``tokenizer``)."""
    utils = public()
    try:
        with readable(folder, own_code=trust_remote_code) as plain:
            loaded = utils.load_tokenizer(
                model_path=plain,
                tokenizer_config_extra={"trust_remote_code": trust_remote_code},
                eos_token_ids=config.get("eos_token_id"),
            )
        loaded._detokenizer = OnlyWords(loaded._detokenizer, loaded)
        return loaded
    except (MemoryError, MlxConvertError, KeyboardInterrupt):
        raise
    except BaseException as error:  # also a class whose code ends the program, and a panic of native code
        raise GenerationFailed(
            f"the tokenizer of {folder.name} can't be loaded: {first_line(error)}.",
            hint="Check that tokenizer.json and tokenizer_config.json are in the folder, as in the original model.",
            code="tokenizer",
        ) from error


def text_tokens(folder: Path, *, trust_remote_code: bool) -> TextTokens | None:
    """The tokenizer of the checkpoint in ``folder``, for texts that run through it; None when it can't be loaded."""
    try:
        found = load_tokenizer(folder, read_config(folder / file_names.CONFIG), trust_remote_code=trust_remote_code)
    except GenerationFailed:
        return None
    templated = partial(found.apply_chat_template, tokenize=True, add_generation_prompt=False)
    return TextTokens(found, templated if found.has_chat_template else None)


def prompt_cache(model: Any) -> list[Any]:
    """An empty key/value cache for ``model``."""
    from mlx_lm.models.cache import make_prompt_cache

    return list(make_prompt_cache(model=model))


def trim_cache(cache: list[Any], tokens: int) -> bool:
    """Drop the last ``tokens`` tokens from a cache; False when this kind of cache can't do that."""
    from mlx_lm.models.cache import can_trim_prompt_cache, trim_prompt_cache

    if tokens == 0:
        return True
    if not can_trim_prompt_cache(cache):
        return False
    return bool(trim_prompt_cache(cache, num_tokens=tokens) == tokens)


def stream(
    model: Any,
    tokenizer: Any,
    prompt: list[int],
    *,
    max_tokens: int,
    sampler: dict[str, Any],
    repetition_penalty: float,
    processors: Iterable[Any],
    cache: list[Any],
    check_cancelled: Callable[[], None],
) -> Iterator[Any]:
    """mlx-lm's GenerationResponse for each new token of the answer to ``prompt`` (token ids).

    While the prompt is read, ``check_cancelled`` is called between pieces of it.
    """
    from mlx_lm.generate import stream_generate
    from mlx_lm.sample_utils import make_logits_processors, make_sampler

    penalties = make_logits_processors(repetition_penalty=repetition_penalty) if repetition_penalty != 1 else []
    yield from stream_generate(
        model=model,
        tokenizer=tokenizer,
        prompt=prompt,
        max_tokens=max_tokens,
        sampler=make_sampler(**sampler),
        logits_processors=[*penalties, *processors],
        prompt_cache=cache,
        prefill_step_size=PREFILL_TOKENS,
        prompt_progress_callback=lambda done, total: check_cancelled(),
    )
