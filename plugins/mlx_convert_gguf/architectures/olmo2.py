"""OLMo 2 and 3: norms behind attention and MLP, and over all queries and keys; OLMo 3 has sliding windows."""

from __future__ import annotations

from typing import Any

from mlx_convert_gguf.architecture import ATTENTION, MLP, RMS, SETTINGS, Architecture, always, weight
from mlx_convert_gguf.numbers import Numbers, Setting


def _third(two: Any, three: Any) -> Setting:
    return lambda numbers: three if numbers.says("attention.sliding_window") else two


def _layer_types(numbers: Numbers) -> list[str] | None:
    """One full layer in four, where the file doesn't say which."""
    if not numbers.says("attention.sliding_window"):
        return None
    every_fourth = [layer % 4 != 3 for layer in range(numbers["layers"])]
    sliding = numbers.flags("attention.sliding_window_pattern") or every_fourth
    return ["sliding_attention" if one else "full_attention" for one in sliding]


ARCHITECTURE = Architecture(
    name="olmo2",
    config={"hidden_act": "silu", "attention_bias": False},
    settings={
        "architectures": _third(["Olmo2ForCausalLM"], ["Olmo3ForCausalLM"]),
        "model_type": _third("olmo2", "olmo3"),
        **SETTINGS,
        **RMS,
        "sliding_window": lambda numbers: numbers.integer("attention.sliding_window", 0) or None,
        "layer_types": _layer_types,
    },
    layer=always(
        weight("post_attention_norm", "post_attention_layernorm", "hidden"),
        weight("post_ffw_norm", "post_feedforward_layernorm", "hidden"),
        *ATTENTION,
        weight("attn_q_norm", "self_attn.q_norm", "q"),
        weight("attn_k_norm", "self_attn.k_norm", "kv"),
        *MLP,
    ),
)
