"""The architectures that are compared with transformers: what makes each tiny, and why it differs where it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Compared:
    """Settings of a tiny configuration (``changes``) and of its rotary positions (``rope``).

    ``why`` the logits differ or nothing is converted, "" where they are equal; ``limit`` is where equality ends.
    """

    changes: dict[str, Any] = field(default_factory=dict)
    rope: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    limit: str = ""


def _of(why: str = "", *, limit: str = "", rope: dict[str, Any] | None = None, **changes: Any) -> Compared:
    return Compared(changes, rope or {}, why, limit)


_WINDOW = "the class looks at the whole text, transformers at a window: equal for texts that fit into it"
_NAMES = "transformers names its tensors otherwise than the class, and no plain renaming makes them fit"
_ODD_BASES = "the class has one base for all layers: another one for some is refused (`rope_differs`)"
COMPARED: dict[str, Compared] = {
    "afmoe": _of(),
    "apertus": _of(),
    "cohere": _of(),
    "cohere2": _of(),
    "deepseek_v2": _of(),
    "deepseek_v3": _of(),
    "deepseek_v32": _of(),
    "ernie4_5": _of(),
    "ernie4_5_moe": _of("the class leaves out the correction by which experts are chosen (`moe_statics`)"),
    "exaone4": _of(),
    "exaone_moe": _of(),
    "falcon_h1": _of(),
    "falcon_mamba": _of(),
    "gemma": _of("the class takes the exact GELU, transformers its approximation by tanh"),
    "gemma2": _of(limit=_WINDOW, sliding_window=64),
    "gemma3_text": _of(),
    "glm": _of("the class turns whole heads, config.json and transformers half of each: refused (`rope_differs`)"),
    "glm4": _of(),
    "glm4_moe": _of(),
    "glm4_moe_lite": _of(),
    "glm_moe_dsa": _of(),
    "gpt2": _of(_NAMES, n_embd=64, n_layer=3, n_head=4, n_positions=512),
    "gpt_bigcode": _of(
        "the class takes the exact GELU, transformers its approximation by tanh",
        n_embd=64, n_layer=3, n_head=4, n_positions=512,
    ),
    "gpt_neox": _of(
        "the class takes an approximation of GELU, transformers the exact one",
        intermediate_size=256, num_key_value_heads=4,
    ),
    "gpt_oss": _of("the class rounds the ends of the YaRN ramp, config.json says not to (`truncate`): warned of"),
    "gptj": _of(n_embd=64, n_layer=3, n_head=4, n_positions=512, rotary_dim=8),
    "granite": _of(),
    "granitemoe": _of(),
    "granitemoehybrid": _of(layer_types=["linear_attention", "full_attention"] * 3, mamba_n_heads=4),
    "helium": _of(),
    "hunyuan_v1_dense": _of(),
    "internlm3": _of(),
    "iquestcoder": _of(),
    "jamba": _of("the class weighs the chosen experts among themselves, transformers among all experts"),
    "laguna": _of(),
    "lfm2": _of(layer_types=["conv", "full_attention"] * 3),
    "lfm2_moe": _of(layer_types=["conv", "full_attention"] * 3),
    "llama": _of(),
    "mamba": _of(),
    "mamba2": _of(num_heads=8, head_dim=16, expand=2),
    "mellum": _of(),
    "minicpm3": _of("with a shared head the class does not divide the logits by hidden_size / dim_model_base"),
    "minimax": _of("transformers saves buffers, such as `diagonal_decay`, for which the class has no place: refused"),
    "minimax_m2": _of(),
    "ministral3": _of(limit=_WINDOW, sliding_window=None),
    "mistral": _of(limit=_WINDOW, sliding_window=None),
    "mixtral": _of(limit=_WINDOW, sliding_window=None),
    "nanochat": _of(_NAMES),
    "nemotron": _of(),
    "nemotron_h": _of("the shortest time step is `time_step_min` to transformers, and `time_step_limit` to the class"),
    "olmo2": _of(),
    "olmo3": _of(limit=_ODD_BASES, rope={"rope_theta": 77_000.0}),
    "olmo_hybrid": _of(_NAMES),
    "olmoe": _of(),
    "phi": _of(),
    "phi3": _of(limit=_WINDOW, sliding_window=None),
    "phimoe": _of(limit=_WINDOW, attention_bias=True, lm_head_bias=True, sliding_window=None),
    "qwen2": _of(),
    "qwen2_moe": _of(),
    "qwen3": _of(),
    "qwen3_moe": _of(),
    "qwen3_next": _of(),
    "recurrent_gemma": _of(
        limit="the class has base 10,000 for good: another one is refused (`rope_differs`)",
        rope={"rope_theta": 10_000.0}, num_key_value_heads=1,
    ),
    "seed_oss": _of(),
    "smollm3": _of(),
    "solar_open": _of(),
    "stablelm": _of(),
    "starcoder2": _of(
        "the class takes the exact GELU, transformers its approximation by tanh", limit=_WINDOW, sliding_window=None
    ),
}  # fmt: skip
