"""Qwen 1.5 and 2 with experts, one of which is shared."""

from __future__ import annotations

from mlx_convert_gguf.architecture import (
    ATTENTION,
    EXPERTS,
    NORMS,
    QKV,
    RMS,
    SETTINGS,
    Architecture,
    always,
    expert_sizes,
    weight,
)
from mlx_convert_gguf.numbers import size

ARCHITECTURE = Architecture(
    name="qwen2moe",
    config={
        "architectures": ["Qwen2MoeForCausalLM"],
        "model_type": "qwen2_moe",
        "hidden_act": "silu",
        "use_sliding_window": False,
        # So it is in all of them; the file says neither.
        "norm_topk_prob": False,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
    },
    settings={
        **SETTINGS,
        **RMS,
        "num_experts": size("experts"),
        "num_experts_per_tok": size("used"),
        "moe_intermediate_size": size("expert_inner"),
        "shared_expert_intermediate_size": size("shared"),
    },
    sizes=expert_sizes,
    layer=always(
        *NORMS,
        *ATTENTION,
        *EXPERTS,
        weight("ffn_gate_inp_shexp", "mlp.shared_expert_gate", "1 hidden"),
        weight("ffn_gate_shexp", "mlp.shared_expert.gate_proj", "shared hidden"),
        weight("ffn_up_shexp", "mlp.shared_expert.up_proj", "shared hidden"),
        weight("ffn_down_shexp", "mlp.shared_expert.down_proj", "hidden shared"),
    ),
    biased=QKV,
    experts=True,
    own_head_dim=False,
)
