"""Mixtral: what GGUF files call a llama with experts."""

from __future__ import annotations

from mlx_convert_gguf.architecture import HALVED_ATTENTION, NORMS, RMS, SETTINGS, Architecture, always, weight
from mlx_convert_gguf.numbers import size

ARCHITECTURE = Architecture(
    name="llama",
    config={"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_act": "silu"},
    settings={**SETTINGS, **RMS, "num_local_experts": size("experts"), "num_experts_per_tok": size("used")},
    layer=always(
        *NORMS,
        *HALVED_ATTENTION,
        weight("ffn_gate_inp", "block_sparse_moe.gate", "experts hidden"),
        weight("ffn_gate_exps", "block_sparse_moe.experts.{}.w1", "inner hidden", each="experts"),
        weight("ffn_up_exps", "block_sparse_moe.experts.{}.w3", "inner hidden", each="experts"),
        weight("ffn_down_exps", "block_sparse_moe.experts.{}.w2", "hidden inner", each="experts"),
    ),
    experts=True,
    own_head_dim=False,
)
