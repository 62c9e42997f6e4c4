"""Qwen 2 and 2.5, with biases on queries, keys and values; llama.cpp leaves their rows as they are."""

from __future__ import annotations

from mlx_convert_gguf.architecture import ATTENTION, MLP, NORMS, Architecture

ARCHITECTURE = Architecture(
    name="qwen2",
    config={
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_act": "silu",
        "use_sliding_window": False,
    },
    names=NORMS | ATTENTION | MLP,
    biased=("attn_q", "attn_k", "attn_v"),
    own_head_dim=False,
)
