"""Phi 3, 3.5 and 4 (mini and 14B): queries, keys and values in one matrix, and so are gate and up."""

from __future__ import annotations

from mlx_convert_gguf.architecture import NORMS, RMS, SETTINGS, Architecture, always, weight
from mlx_convert_gguf.numbers import Numbers, integer, rope_part


def _window(numbers: Numbers) -> int | None:
    """The sliding window; llama.cpp's converter writes 0 where there is none."""
    return numbers.integer("attention.sliding_window", 0) or None


ARCHITECTURE = Architecture(
    name="phi3",
    config={"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_act": "silu"},
    settings={
        **SETTINGS,
        **RMS,
        "partial_rotary_factor": rope_part,
        "original_max_position_embeddings": integer("rope.scaling.original_context_length", 4096),
        "sliding_window": _window,
    },
    layer=always(
        *NORMS,
        weight("attn_qkv", "self_attn.qkv_proj", "qkv hidden"),
        weight("attn_output", "self_attn.o_proj", "hidden q"),
        weight("ffn_up", "mlp.gate_up_proj", "gate_up hidden"),
        weight("ffn_down", "mlp.down_proj", "hidden inner"),
    ),
    own_head_dim=False,
    partial_rope=True,
)
