"""LFM2: short convolutions in most layers, attention in some."""

from __future__ import annotations

from collections.abc import Mapping

from mlx_convert_gguf.architecture import EMBEDDING, RMS, SETTINGS, Architecture, Part, weight
from mlx_convert_gguf.numbers import Numbers, integer, number, size

_EVERY = (
    weight("attn_norm", "operator_norm", "hidden"),
    weight("ffn_norm", "ffn_norm", "hidden"),
    weight("ffn_gate", "feed_forward.w1", "inner hidden"),
    weight("ffn_up", "feed_forward.w3", "inner hidden"),
    weight("ffn_down", "feed_forward.w2", "hidden inner"),
)
_CONVOLUTION = (
    weight("shortconv.conv", "conv.conv", "hidden 1 window"),
    weight("shortconv.in_proj", "conv.in_proj", "three hidden"),
    weight("shortconv.out_proj", "conv.out_proj", "hidden hidden"),
)
_ATTENTION = (
    weight("attn_q", "self_attn.q_proj", "q hidden"),
    weight("attn_k", "self_attn.k_proj", "kv hidden"),
    weight("attn_v", "self_attn.v_proj", "kv hidden"),
    weight("attn_output", "self_attn.out_proj", "hidden q"),
    weight("attn_q_norm", "self_attn.q_layernorm", "head"),
    weight("attn_k_norm", "self_attn.k_layernorm", "head"),
)


def _sizes(numbers: Numbers) -> Mapping[str, int]:
    return {"window": numbers.integer("shortconv.l_cache"), "three": 3 * numbers.integer("embedding_length")}


def _attends(numbers: Numbers, layer: int) -> bool:
    return f"blk.{layer}.attn_q.weight" in numbers.tensors


def _layer(numbers: Numbers, layer: int) -> tuple[Part, ...]:
    return (*_EVERY, *(_ATTENTION if _attends(numbers, layer) else _CONVOLUTION))


def _layer_types(numbers: Numbers) -> list[str]:
    return ["full_attention" if _attends(numbers, layer) else "conv" for layer in range(numbers["layers"])]


ARCHITECTURE = Architecture(
    name="lfm2",
    config={
        "architectures": ["Lfm2ForCausalLM"],
        "model_type": "lfm2",
        "conv_bias": False,
        # The file has the inner size as it is; these say that nothing is to be computed of it.
        "block_auto_adjust_ff_dim": False,
        "block_ffn_dim_multiplier": 1.0,
        "block_multiple_of": 256,
    },
    settings={
        **SETTINGS,
        "rope_theta": number("rope.freq_base", 1_000_000.0),
        "norm_eps": RMS["rms_norm_eps"],
        "block_dim": size("hidden"),
        "block_ff_dim": size("inner"),
        "conv_L_cache": integer("shortconv.l_cache"),
        "layer_types": _layer_types,
    },
    sizes=_sizes,
    # Its last norm is called as if it belonged to the embedding.
    outer=(EMBEDDING, weight("token_embd_norm", "model.embedding_norm", "hidden")),
    layer=_layer,
    own_head_dim=False,
    mixed_layers=True,
)
