"""Granite 3 and 4 without experts: a llama with factors for embeddings, scores, layers and logits."""

from __future__ import annotations

from mlx_convert_gguf.architecture import (
    GATE_UP_DOWN,
    HALVED_ATTENTION,
    MLP,
    NORMS,
    QKVO,
    RMS,
    SETTINGS,
    Architecture,
    always,
)
from mlx_convert_gguf.numbers import number

ARCHITECTURE = Architecture(
    name="granite",
    config={"architectures": ["GraniteForCausalLM"], "model_type": "granite", "hidden_act": "silu"},
    settings={
        **SETTINGS,
        **RMS,
        "attention_multiplier": number("attention.scale"),
        "embedding_multiplier": number("embedding_scale", 1.0),
        "residual_multiplier": number("residual_scale", 1.0),
        "logits_scaling": number("logit_scale", 1.0),
    },
    layer=always(*NORMS, *HALVED_ATTENTION, *MLP),
    biases={"attention_bias": QKVO, "mlp_bias": GATE_UP_DOWN},
    own_head_dim=False,
    scales=("attention.scale", "embedding_scale", "residual_scale", "logit_scale"),
)
