"""Gemma 3, the part for text: five layers look at a window, the sixth at everything."""

from __future__ import annotations

from mlx_convert_gguf.architecture import (
    ATTENTION,
    EMBEDDING,
    MLP,
    RMS,
    SETTINGS,
    Architecture,
    always,
    less_one,
    weight,
)
from mlx_convert_gguf.numbers import Numbers, integer, number

PATTERN = 6  # every sixth layer; the file doesn't say so, and llama.cpp has the same number
_LAYERS_OF_27B = 62


def _query_scale(numbers: Numbers) -> int:
    """What queries are divided by the root of. The file lacks it; the 27B alone has not the length of a head there."""
    return numbers["hidden"] // numbers["heads"] if numbers["layers"] == _LAYERS_OF_27B else numbers["head"]


def _layer_types(numbers: Numbers) -> list[str]:
    return [
        "full_attention" if layer % PATTERN == PATTERN - 1 else "sliding_attention"
        for layer in range(numbers["layers"])
    ]


ARCHITECTURE = Architecture(
    name="gemma3",
    config={
        "architectures": ["Gemma3ForCausalLM"],
        "model_type": "gemma3_text",
        "hidden_activation": "gelu_pytorch_tanh",
        "sliding_window_pattern": PATTERN,
    },
    settings={
        **SETTINGS,
        **RMS,
        "rope_theta": number("rope.freq_base", 1_000_000.0),
        "rope_local_base_freq": number("rope.freq_base_swa", 10_000.0),
        "sliding_window": integer("attention.sliding_window"),
        "layer_types": _layer_types,
        "query_pre_attn_scalar": _query_scale,
    },
    outer=(EMBEDDING, weight("output_norm", "model.norm", "hidden", less_one)),
    layer=always(
        weight("attn_norm", "input_layernorm", "hidden", less_one),
        weight("post_attention_norm", "post_attention_layernorm", "hidden", less_one),
        weight("ffn_norm", "pre_feedforward_layernorm", "hidden", less_one),
        weight("post_ffw_norm", "post_feedforward_layernorm", "hidden", less_one),
        *ATTENTION,
        weight("attn_q_norm", "self_attn.q_norm", "head", less_one),
        weight("attn_k_norm", "self_attn.k_norm", "head", less_one),
        *MLP,
    ),
)
