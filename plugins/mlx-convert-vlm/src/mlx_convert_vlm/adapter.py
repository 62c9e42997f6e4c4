"""The one module that calls mlx-vlm. By keyword only, and what comes back is looked at."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from mlx_convert_engine.model_classes import LazyModel, widened_on_cpu
from mlx_convert_engine.template_bounds import TooMuch, bounded
from mlx_convert_engine.text_tokens import TextTokens

from mlx_convert_core.plugin import (
    ChatMessage,
    ConversionFailed,
    GenerateRequest,
    GenerationExtras,
    GenerationFailed,
    MlxConvertError,
    UnsupportedModel,
    dtypes,
    sense_of,
)


def load_lazily(folder: Path, name: str, *, trust_remote_code: bool) -> LazyModel:
    """The checkpoint in ``folder``, called ``name`` in messages, by its own class, without reading a weight.

    Raises UnsupportedModel (code ``model_class``) with mlx-vlm's reason, and ConversionFailed (``mlx_vlm_drift``).
    """
    utils, arrays = public(), {}
    try:
        with _noting(utils, arrays):
            model = utils.load_model(model_path=folder, lazy=True, trust_remote_code=trust_remote_code)
        config = utils.load_config(model_path=folder, trust_remote_code=trust_remote_code)
    except (MemoryError, MlxConvertError):
        raise
    except (Exception, SystemExit) as error:  # a class whose own package is missing ends the program
        raise UnsupportedModel(
            f"mlx-vlm can't load {name}: {_first_line(error)}.",
            hint="A newer mlx-vlm may know it. Its text model alone may convert: that leaves pictures and sound out.",
            code="model_class",
        ) from error
    if not hasattr(model, "parameters") or not isinstance(config, dict):
        raise _drifted()
    return LazyModel(
        model=model,
        config=config,
        arrays=arrays,
        quant_predicate=getattr(model, "quant_predicate", None),
        spared=of_a_sense,
        cast_predicate=getattr(model, "cast_predicate", None),
        dtype=dtypes.target_dtype(config),
    )


def take_text_alone(model: Any) -> None:
    """Have ``model`` be called with tokens alone, and answer with logits alone, as the engine runs a model."""
    own = type(model)
    named = inspect.signature(own.__call__).parameters

    class OfText(own):  # type: ignore[misc]
        def __call__(self, tokens: Any, cache: Any = None) -> Any:
            unseen = {name: None for name in ("pixel_values", "mask") if name in named}
            output = super().__call__(tokens, cache=cache, **unseen)
            return getattr(output, "logits", output)

    OfText.__name__ = own.__name__
    model.__class__ = OfText


def load_to_answer(folder: Path, *, trust_remote_code: bool) -> tuple[Any, Any, dict[str, Any]]:
    """The model in ``folder`` with its weights in memory, its processor and its config. Raises GenerationFailed."""
    import mlx.core as mx

    loaded = load_lazily(folder, folder.name, trust_remote_code=trust_remote_code)
    loaded.arrays.clear()
    widened_on_cpu(loaded.model)
    mx.eval(loaded.model.parameters())
    try:
        processor = public().load_processor(
            model_path=folder,
            add_detokenizer=True,
            eos_token_ids=getattr(loaded.model.config, "eos_token_id", None),
            trust_remote_code=trust_remote_code,
        )
    except Exception as error:
        raise GenerationFailed(
            f"what prepares text and pictures for {folder.name} can't be loaded: {_first_line(error)}.",
            hint="Check that the files of the processor and the tokenizer are in the folder, as in the original model.",
            code="tokenizer",
        ) from error
    return loaded.model, processor, loaded.config


def text_tokens(folder: Path, *, trust_remote_code: bool) -> TextTokens | None:
    """The tokenizer of the checkpoint in ``folder``, for texts that run through it; None when it can't be loaded."""
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=trust_remote_code)
    except Exception:  # whoever asks for it says what it is needed for
        return None
    templated = partial(found.apply_chat_template, tokenize=True, add_generation_prompt=False, return_dict=False)
    return TextTokens(found, templated if found.chat_template else None)


def prompt_of(processor: Any, config: Mapping[str, Any], request: GenerateRequest) -> str:
    """The conversation of ``request`` by the model's chat template, with places for attachments where they were shown.

    Raises GenerationFailed: ``template_refused`` with the template's own words, ``template_endless`` for one beyond the
    bounds (`bounded`).
    """
    if request.begun:  # as it was when the model said this
        return prompt_of(processor, config, replace(request, messages=request.messages[:-1])) + request.begun
    try:
        with bounded():
            return _rendered(processor, config, request.conversation())
    except TooMuch as error:
        raise GenerationFailed(
            f"the model's chat template can't be used: {error}.",
            hint="Compare chat_template.jinja or tokenizer_config.json with the original's, and copy it from there.",
            code="template_endless",
        ) from error
    except Exception as error:
        raise GenerationFailed(
            f"the model's chat template can't be used: {_first_line(error)}.",
            hint="Ask without a system text, or compare the template with the original model's.",
            code="template_refused",
        ) from error


def _rendered(processor: Any, config: Mapping[str, Any], turns: Sequence[ChatMessage]) -> str:
    from mlx_vlm.prompt_utils import get_chat_template

    if not any(turn.attachments for turn in turns[:-1]):
        return str(_templated(processor, config, turns))
    each = [message for turn in turns for message in _templated(processor, config, (turn,), return_messages=True)]
    if not all(isinstance(message, dict) for message in each):  # a model that knows one question and no talk
        return str(_templated(processor, config, turns))
    return str(get_chat_template(processor, each, add_generation_prompt=True))


def _templated(processor: Any, config: Mapping[str, Any], turns: Sequence[ChatMessage], **options: Any) -> Any:
    """What mlx-vlm makes of ``turns``; it puts the places for all of their files into the last one."""
    from mlx_vlm.prompt_utils import apply_chat_template

    files = [sense_of(Path(path)) for turn in turns for path in turn.attachments]
    return apply_chat_template(
        processor=processor,
        config=dict(config),
        prompt=[{"role": turn.role, "content": turn.content} for turn in turns],
        num_images=files.count("picture"),
        num_audios=files.count("sound"),
        **options,
    )


def stream(
    model: Any, processor: Any, prompt: str, request: GenerateRequest, extras: tuple[GenerationExtras, ...]
) -> Iterator[Any]:
    """mlx-vlm's GenerationResult for each new token of the answer to ``prompt``."""
    import mlx.core as mx
    from mlx_vlm.generate import stream_generate

    if request.seed is not None:
        mx.random.seed(request.seed)
    of = {sense: [str(path) for path in request.files if sense_of(path) == sense] for sense in ("picture", "sound")}
    try:
        yield from stream_generate(
            model=model,
            processor=processor,
            prompt=prompt,
            image=of["picture"],
            audio=of["sound"],
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            min_p=request.min_p,
            repetition_penalty=None if request.repetition_penalty == 1 else request.repetition_penalty,
            logits_processors=[one for extra in extras for one in extra.logits_processors] or None,
        )
    except (MemoryError, MlxConvertError):
        raise
    except Exception as error:
        raise GenerationFailed(
            f"mlx-vlm can't answer with this model: {_first_line(error)}.",
            hint="Ask without pictures and sound to see whether it answers then; a newer mlx-vlm may do it.",
            code="model_class",
        ) from error


def public() -> ModuleType:
    """``mlx_vlm.utils`` with all that it needs."""
    return importlib.import_module("mlx_vlm.utils")


def of_a_sense(path: str) -> bool:
    """Whether mlx-vlm leaves the layer at ``path`` unquantized as one of pictures or sound."""
    return bool(public().skip_multimodal_module(path))


def is_switch_linear(layer: Any) -> bool:
    """Whether ``layer`` is quantized as mlx-vlm's layer of stacked experts."""
    method = type(layer).to_quantized
    return (method.__module__, method.__qualname__) == ("mlx_vlm.models.switch_layers", "SwitchLinear.to_quantized")


@contextmanager
def _noting(utils: ModuleType, arrays: dict[str, Any]) -> Iterator[None]:
    """Note in ``arrays`` what the body has mlx-vlm read. A worker has one thread that loads, so nobody else sees it."""
    read = getattr(utils, "_load_safetensors", None)
    if read is None:
        raise _drifted()

    def noting(path: str) -> Any:
        found = read(path)
        arrays.update(found)
        return found

    utils._load_safetensors = noting  # type: ignore[attr-defined]
    try:
        yield
    finally:
        utils._load_safetensors = read  # type: ignore[attr-defined]


def _drifted() -> ConversionFailed:
    return ConversionFailed(
        "this release of mlx-vlm answers in a way that mlx-convert-vlm does not know.",
        hint="A newer mlx-convert-vlm, or an older mlx-vlm, goes together with the other.",
        code="mlx_vlm_drift",
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
