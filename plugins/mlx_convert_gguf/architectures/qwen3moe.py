"""Qwen 3 with experts."""

from __future__ import annotations

from mlx_convert_gguf.architecture import (
    ATTENTION,
    EXPERTS,
    HEAD_NORMS,
    NORMS,
    RMS,
    SETTINGS,
    Architecture,
    always,
    expert_sizes,
)
from mlx_convert_gguf.numbers import size

ARCHITECTURE = Architecture(
    name="qwen3moe",
    config={
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        "hidden_act": "silu",
        "attention_bias": False,
        "use_sliding_window": False,
        # So it is in all of them; the file says neither.
        "norm_topk_prob": True,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
    },
    settings={
        **SETTINGS,
        **RMS,
        "num_experts": size("experts"),
        "num_experts_per_tok": size("used"),
        "moe_intermediate_size": size("expert_inner"),
    },
    sizes=expert_sizes,
    layer=always(*NORMS, *ATTENTION, *HEAD_NORMS, *EXPERTS),
    experts=True,
)
