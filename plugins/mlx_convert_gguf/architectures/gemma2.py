"""Gemma 2: norms on both sides of attention and MLP, scores and logits that are capped."""

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

_LAYERS_OF_27B = 46


def _query_scale(numbers: Numbers) -> int:
    """What queries are divided by the root of. The file lacks it; the 27B alone has not the length of a head there."""
    return numbers["hidden"] // numbers["heads"] if numbers["layers"] == _LAYERS_OF_27B else numbers["head"]


ARCHITECTURE = Architecture(
    name="gemma2",
    config={
        "architectures": ["Gemma2ForCausalLM"],
        "model_type": "gemma2",
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh",
    },
    settings={
        **SETTINGS,
        **RMS,
        "attn_logit_softcapping": number("attn_logit_softcapping", 50.0),
        "final_logit_softcapping": number("final_logit_softcapping", 30.0),
        "sliding_window": integer("attention.sliding_window", 4096),
        "query_pre_attn_scalar": _query_scale,
    },
    outer=(EMBEDDING, weight("output_norm", "model.norm", "hidden", less_one)),
    layer=always(
        weight("attn_norm", "input_layernorm", "hidden", less_one),
        weight("post_attention_norm", "post_attention_layernorm", "hidden", less_one),
        weight("ffn_norm", "pre_feedforward_layernorm", "hidden", less_one),
        weight("post_ffw_norm", "post_feedforward_layernorm", "hidden", less_one),
        *ATTENTION,
        *MLP,
    ),
    scales=("attn_logit_softcapping", "final_logit_softcapping"),
)
