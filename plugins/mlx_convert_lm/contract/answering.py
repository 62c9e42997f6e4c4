"""What is relied on where a model answers, and where mlx-lm's own tools quantize it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlx_convert_lm.contract.touchpoint import Touchpoint, lacking


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
        missing = lacking(function, wanted)
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
        if missing := lacking(getattr(found[module], function), wanted.split()):
            return f"{module}.{function} takes no {missing}"
        if not hasattr(found[module], "tqdm"):
            return f"mlx_lm.quant.{module} has no tqdm of its own"
    return "" if "llama" in found["awq"].AWQ_MODEL_CONFIGS else "mlx_lm.quant.awq has no AWQ_MODEL_CONFIGS for llama"


ANSWERING = (
    Touchpoint("generation", "adapter.py, runner.py", _generation),
    Touchpoint("detokenizer", "adapter.py, mlx_convert_engine/words.py", _detokenizer),
    Touchpoint("rotary positions", "config/built.py", _turning),
    Touchpoint("key/value caches", "cache_size.py, runner.py, config/windows.py", _caches),
    Touchpoint("tools that quantize", "tools/running.py", _quantizing),
)
