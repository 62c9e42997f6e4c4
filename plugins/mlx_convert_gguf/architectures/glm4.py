"""GLM 4 (0414): norms on both sides of attention and MLP, gate and up in one matrix, half of each head turned."""

from __future__ import annotations

from collections.abc import Mapping

from mlx_convert_gguf.architecture import ATTENTION, QKV, RMS, SETTINGS, Architecture, always, weight
from mlx_convert_gguf.numbers import Numbers, rope_part, unsupported


def _no_sections(numbers: Numbers) -> Mapping[str, int]:
    """GLM-4V and GLM-OCR turn heads in sections; llama.cpp's converter has their rows in another order."""
    if numbers.says("rope.dimension_sections") or numbers.integer("nextn_predict_layers", 0):
        raise unsupported(numbers.fields, "is of a GLM that sees, not a plain glm4")
    return {}


ARCHITECTURE = Architecture(
    name="glm4",
    config={"architectures": ["Glm4ForCausalLM"], "model_type": "glm4", "hidden_act": "silu"},
    settings={**SETTINGS, **RMS, "partial_rotary_factor": rope_part},
    sizes=_no_sections,
    layer=always(
        weight("attn_norm", "input_layernorm", "hidden"),
        weight("post_attention_norm", "post_self_attn_layernorm", "hidden"),
        weight("ffn_norm", "post_attention_layernorm", "hidden"),
        weight("post_ffw_norm", "post_mlp_layernorm", "hidden"),
        *ATTENTION,
        weight("ffn_up", "mlp.gate_up_proj", "gate_up hidden"),
        weight("ffn_down", "mlp.down_proj", "hidden inner"),
    ),
    biases={"attention_bias": QKV},
    partial_rope=True,
)
