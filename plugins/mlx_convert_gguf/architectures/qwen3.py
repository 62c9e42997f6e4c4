"""Qwen 3, with a norm over each head's queries and keys; llama.cpp leaves their rows as they are."""

from __future__ import annotations

from mlx_convert_gguf.architecture import ATTENTION, MLP, NORMS, Architecture

ARCHITECTURE = Architecture(
    name="qwen3",
    config={
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "hidden_act": "silu",
        "attention_bias": False,
        "use_sliding_window": False,
    },
    names=NORMS | ATTENTION | MLP | {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"},
)
