"""Qwen 3, with a norm over each head's queries and keys; llama.cpp leaves their rows as they are."""

from __future__ import annotations

from mlx_convert_gguf.architecture import ATTENTION, HEAD_NORMS, MLP, NORMS, Architecture, always

ARCHITECTURE = Architecture(
    name="qwen3",
    config={
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "hidden_act": "silu",
        "attention_bias": False,
        "use_sliding_window": False,
    },
    layer=always(*NORMS, *ATTENTION, *HEAD_NORMS, *MLP),
)
