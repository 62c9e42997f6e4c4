"""What we rely on in mlx-lm and MLX beyond their documented calls, each with a check that tells what broke.

`python -m mlx_convert_lm.contract` runs them against whatever is installed: the first thing to do with a new release,
before the upper bounds in pyproject.toml are raised. Each names the code that relies on it.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """Something that no release has to keep. ``broken`` gives a sentence, "" while all is as it was."""

    name: str
    used_by: str
    broken: Callable[[], str]


def all_broken() -> Iterator[tuple[Touchpoint, str]]:
    """The touchpoints that do not hold with what is installed, and why; an error of a check is a reason too."""
    for touchpoint in TOUCHPOINTS:
        try:
            reason = touchpoint.broken()
        except Exception as error:
            reason = f"its check fails with {type(error).__name__}: {error}"
        if reason:
            yield touchpoint, reason


def _loader() -> str:
    """load_model takes the keywords that we give, and the function that finds classes is its default argument."""
    from mlx_lm.utils import load_model

    wanted = ("model_path", "lazy", "strict", "get_model_classes", "trust_remote_code")
    missing = _lacking(load_model, wanted)
    if missing:
        return f"mlx_lm.utils.load_model takes no {missing}"
    default = inspect.signature(load_model).parameters["get_model_classes"].default
    if not callable(default):
        return "get_model_classes of mlx_lm.utils.load_model has no default to go on with"
    return "" if not _lacking(default, ("config",)) else "the default of get_model_classes takes no config"


def _tables() -> str:
    """The tables of other names for a model type are literals at the top of mlx_lm/utils.py."""
    from mlx_lm import utils

    from mlx_convert_lm.architectures import literal_tables

    read = literal_tables()
    real = {name: value for name, value in vars(utils).items() if name.startswith("MODEL_") and isinstance(value, dict)}
    differing = [name for name, value in real.items() if read.get(name) != value]
    if differing or "MODEL_REMAPPING" not in real:
        tables = ", ".join(differing) or "MODEL_REMAPPING"
        return f"{tables} of mlx_lm/utils.py can't be read without importing it"
    return ""


def _model_files() -> str:
    """Each file in mlx_lm/models that makes a Model is a model type."""
    from mlx_convert_lm.architectures import model_types

    found = set(model_types())
    missing = {"llama", "qwen3", "gemma3", "mixtral", "deepseek_v3", "mistral"} - found
    return f"no file in mlx_lm/models is known as {', '.join(sorted(missing))}" if missing or len(found) < 100 else ""


def _switch_linear() -> str:
    """The layer of stacked experts quantizes by rows, and is known by its name in whichever copy of the module."""
    import mlx.core as mx
    from mlx_lm.models.switch_layers import SwitchLinear

    from mlx_convert_lm.adapter import is_switch_linear

    layer = SwitchLinear(64, 8, 2, bias=False)
    if not is_switch_linear(layer):
        return "mlx_lm.models.switch_layers.SwitchLinear.to_quantized has another name"
    quantized = layer.to_quantized(group_size=32, bits=4)
    apart = mx.quantize(layer.weight, group_size=32, bits=4)
    same = bool(mx.array_equal(quantized.weight, apart[0])) and bool(mx.array_equal(quantized.scales, apart[1]))
    return "" if same else "SwitchLinear is not quantized row by row any more"


def _module_count() -> str:
    """A module that is built runs the __init__ that nn.Module has at that moment, so that modules can be counted."""
    import mlx.nn as nn

    from mlx_convert_core.plugin import CorruptCheckpoint
    from mlx_convert_lm.module_limit import MODULES, filled_by

    with tempfile.TemporaryDirectory() as empty:
        try:
            with filled_by(Path(empty), "empty"):
                for _ in range(MODULES + 1):
                    nn.GELU()
        except CorruptCheckpoint:
            return ""
    return "modules of mlx.nn are built without the __init__ of mlx.nn.Module"


def _messages() -> str:
    """The reasons that mlx-lm and MLX give for not loading a model, which become errors of ours by their words."""
    import mlx.nn as nn

    texts = "".join(Path(str(module)).read_text(encoding="utf-8") for module in _sources("mlx_lm.utils"))
    texts += inspect.getsource(nn.Module.load_weights)
    phrases = ("Model type", "not supported", "custom module", "Missing", "parameters not in model", "Expected shape")
    gone = [phrase for phrase in phrases if phrase not in texts]
    return f"no message says {', '.join(map(repr, gone))} any more" if gone else ""


def _graph() -> str:
    """An array that was only loaded exports as a lone Load, stacked ones as a Concatenate of them."""
    import mlx.core as mx
    from mlx_convert_engine.provenance import Provenance

    from mlx_convert_core.plugin import read_header

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        mx.save_safetensors(str(path), {name: mx.zeros((2, 3)) for name in ("a", "b")})
        arrays: dict[str, Any] = dict(mx.load(str(path)))
        tensors = {tensor.name: tensor for tensor in read_header(path)}
        provenance = Provenance(arrays, tensors)
        if provenance.sources(arrays["a"]) != (tensors["a"],):
            return "mx.export_to_dot no longer shows that an array was only loaded"
        stacked = mx.concatenate([arrays["a"], arrays["b"]])
        if provenance.sources(stacked) != (tensors["a"], tensors["b"]):
            return "mx.export_to_dot no longer shows what is joined"
        if provenance.sources(arrays["a"] * 2) is not None:
            return "mx.export_to_dot no longer shows that an array was computed"
    return ""


def _generation() -> str:
    """The calls by which a model answers, with the keywords that we give."""
    from mlx_lm import sample_utils, utils
    from mlx_lm.generate import GenerationResponse, generate_step, stream_generate
    from mlx_lm.models import cache

    calls: Iterable[tuple[Any, tuple[str, ...]]] = (
        (stream_generate, ("model", "tokenizer", "prompt", "max_tokens")),
        (
            generate_step,
            ("sampler", "logits_processors", "prompt_cache", "prefill_step_size", "prompt_progress_callback"),
        ),
        (sample_utils.make_sampler, ("temp", "top_p", "top_k", "min_p")),
        (sample_utils.make_logits_processors, ("repetition_penalty",)),
        (cache.make_prompt_cache, ("model",)),
        (cache.can_trim_prompt_cache, ()),
        (cache.trim_prompt_cache, ("num_tokens",)),
        (utils.load_tokenizer, ("model_path", "tokenizer_config_extra", "eos_token_ids")),
        (GenerationResponse, ("text", "token", "finish_reason", "prompt_tokens")),
    )
    for function, wanted in calls:
        missing = _lacking(function, wanted)
        if missing:
            return f"{function.__module__}.{function.__name__} takes no {missing}"
    return ""


def _detokenizer() -> str:
    """A tokenizer of mlx-lm's copies what it keeps as ``_detokenizer`` for each answer."""
    from mlx_convert_engine.words import OnlyWords
    from mlx_lm.tokenizer_utils import TokenizerWrapper
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    loaded = TokenizerWrapper(PreTrainedTokenizerFast(tokenizer_object=words))
    loaded._detokenizer = OnlyWords(loaded._detokenizer, loaded)
    answer = loaded.detokenizer
    if not isinstance(answer, OnlyWords):
        return "mlx_lm.tokenizer_utils.TokenizerWrapper makes its detokenizers of something else than _detokenizer"
    answer.add_token(1)  # no word
    answer.add_token(0)
    answer.finalize()
    return "" if answer.text == "a" else f"the text of a token of mlx-lm's detokenizers is {answer.text!r}, not 'a'"


def _turning() -> str:
    """The rotary positions of a model class keep their frequencies, or base and width, and their factor by name."""
    from mlx_lm.models.rope_utils import initialize_rope

    from mlx_convert_lm.config.built import turnings

    factors = {"factor": 8.0, "original_max_position_embeddings": 32}
    steps = {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
    lists = {"short_factor": [1.0] * 4, "long_factor": [8.0] * 4}
    kinds: dict[str, dict[str, Any]] = {"default": {}, "linear": {}, "llama3": steps, "yarn": {}, "longrope": lists}
    for kind, more in kinds.items():
        scaling = {"type": kind, "rope_type": kind, **factors, **more}
        turned = next(turnings(initialize_rope(8, 10000.0, False, scaling, 256)), None)
        if turned is None:
            return f"what turns positions by '{kind}' says neither its frequencies nor its base and width any more"
        if (turned.amplitude != 1.0) != (kind in ("yarn", "longrope")):
            return f"what turns positions by '{kind}' does not say by how much it scales them any more"
    return ""


def _caches() -> str:
    """A layer's cache says what it keeps and how much of it at most, and grows by so many tokens."""
    import mlx.core as mx
    from mlx_lm.models import cache

    from mlx_convert_lm.cache_size import STEP

    plain, window, chunked = cache.KVCache(), cache.RotatingKVCache(max_size=8), cache.ChunkedKVCache(8)
    for kind in (plain, window, chunked):
        kind.update_and_fetch(mx.zeros((1, 2, 3, 4)), mx.zeros((1, 2, 3, 4)))
        if kind.offset != 3 or kind.keys.ndim != 4 or kind.values.ndim != 4:
            return f"{type(kind).__name__} of mlx_lm.models.cache no longer has keys, values and their offset"
    if plain.keys.shape[2] != STEP:
        return f"KVCache of mlx_lm.models.cache grows by {plain.keys.shape[2]} tokens, not by {STEP}"
    if (window.max_size, chunked.chunk_size) != (8, 8):
        return "a cache of mlx_lm.models.cache no longer says the most that it keeps"
    inner = cache.CacheList(plain, window).caches
    return "" if list(inner) == [plain, window] else "CacheList of mlx_lm.models.cache no longer has its caches"


def _stand_ins() -> str:
    """mlx_lm.utils can be imported without the libraries behind its tokenizers, and needs none of them to load."""
    from mlx_convert_lm.importing import UNUSED, loader_of_models

    if any(name in sys.modules for name in ("mlx_lm", *UNUSED)):
        return ""  # what is imported already is used as it is
    with loader_of_models() as module:
        heavy = [name for name in UNUSED if name in sys.modules]
        if heavy:
            return f"{', '.join(heavy)} is imported along with mlx_lm.utils now: a conversion starts later"
        return "" if callable(module.load_model) else "mlx_lm.utils has no load_model"


def _quantizing() -> str:
    """The tools of mlx_lm.quant take text that they are handed, and report by names that can be replaced."""
    from mlx_convert_lm.tools.running import modules

    found = modules()
    calls = (
        ("gptq", "gptq_quantize", "model data bits group_size fallback_bits fallback_group_size batch_size"),
        ("awq", "awq_quantize", "model inputs awq_config bits group_size embed_bits embed_group_size"),
        (
            "dwq",
            "dwq_quantize",
            "model target_fn opt train_data valid_data batch_size max_seq_length seed dtype gradient_checkpoint",
        ),
        (
            "dynamic_quant",
            "estimate_sensitivities",
            "model data low_bits low_group_size high_bits high_group_size batch_size gradient_accum_dtype"
            " gradient_checkpoint",
        ),
    )
    for module, function, wanted in calls:
        if missing := _lacking(getattr(found[module], function), wanted.split()):
            return f"{module}.{function} takes no {missing}"
        if not hasattr(found[module], "tqdm"):
            return f"mlx_lm.quant.{module} has no tqdm of its own"
    return "" if "llama" in found["awq"].AWQ_MODEL_CONFIGS else "mlx_lm.quant.awq has no AWQ_MODEL_CONFIGS for llama"


def _lacking(function: Any, wanted: Iterable[str]) -> str:
    """Those of ``wanted`` that ``function`` does not take by keyword, "" when it takes all."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return ""
    taken = {parameter.name for parameter in parameters if parameter.kind is not inspect.Parameter.POSITIONAL_ONLY}
    return ", ".join(name for name in wanted if name not in taken)


def _sources(*modules: str) -> Iterator[str]:
    for module in modules:
        found = importlib.util.find_spec(module)
        if found is not None and found.origin:
            yield found.origin


TOUCHPOINTS = (
    Touchpoint("private import", "importing.py", _stand_ins),  # first: it says most before mlx_lm is imported
    Touchpoint("load_model", "adapter.py", _loader),
    Touchpoint("other names of model types", "architectures.py", _tables),
    Touchpoint("files of model classes", "architectures.py", _model_files),
    Touchpoint("layers of stacked experts", "adapter.py", _switch_linear),
    Touchpoint("counting modules", "module_limit.py", _module_count),
    Touchpoint("messages", "load_errors.py", _messages),
    Touchpoint("graph export", "mlx_convert_engine/provenance.py", _graph),
    Touchpoint("generation", "adapter.py, runner.py", _generation),
    Touchpoint("detokenizer", "adapter.py, mlx_convert_engine/words.py", _detokenizer),
    Touchpoint("rotary positions", "config/built.py", _turning),
    Touchpoint("key/value caches", "cache_size.py, runner.py, config/windows.py", _caches),
    Touchpoint("tools that quantize", "tools/running.py", _quantizing),
)


def main() -> int:
    """Tell of each touchpoint whether it holds; the number of those that do not."""
    broken = dict(all_broken())
    for touchpoint in TOUCHPOINTS:
        told = f"BROKEN: {broken[touchpoint]} ({touchpoint.used_by})" if touchpoint in broken else "holds"
        sys.stdout.write(f"{touchpoint.name}: {told}\n")
    return len(broken)


if __name__ == "__main__":
    sys.exit(main())
