"""StableLM 2 and Zephyr: layer norms, a part of each head turned; the 12B has a norm of its own for each head."""

from __future__ import annotations

from mlx_convert_gguf.architecture import ATTENTION, MLP, NORMS, QKV, SETTINGS, Architecture, Part, weight
from mlx_convert_gguf.numbers import Numbers, flag, has, number, rope_part

_HEAD_NORMS = (
    weight("attn_q_norm", "self_attn.q_layernorm.norms.{}", "head", each="heads"),
    weight("attn_k_norm", "self_attn.k_layernorm.norms.{}", "head", each="kv_heads"),
)


def _layer(numbers: Numbers, layer: int) -> tuple[Part, ...]:
    norms = NORMS if numbers.has("ffn_norm.weight") else NORMS[:1]  # one is enough where attention and MLP are parallel
    return (*norms, *ATTENTION, *MLP, *(_HEAD_NORMS if numbers.has("attn_q_norm.weight") else ()))


ARCHITECTURE = Architecture(
    name="stablelm",
    config={"architectures": ["StableLmForCausalLM"], "model_type": "stablelm", "hidden_act": "silu"},
    settings={
        **SETTINGS,
        "layer_norm_eps": number("attention.layer_norm_epsilon"),
        "partial_rotary_factor": rope_part,
        "use_parallel_residual": flag("use_parallel_residual", False),
        "qk_layernorm": has("attn_q_norm.weight"),
    },
    layer=_layer,
    biased=("output_norm", "attn_norm", "ffn_norm"),
    biases={"use_qkv_bias": QKV},
    own_head_dim=False,
    partial_rope=True,
)
