"""Qwen 2 and 2.5, with biases on queries, keys and values; llama.cpp leaves their rows as they are."""

from __future__ import annotations

from mlx_convert_gguf.architecture import ATTENTION, MLP, NORMS, QKV, Architecture, always

ARCHITECTURE = Architecture(
    name="qwen2",
    config={
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_act": "silu",
        "use_sliding_window": False,
    },
    layer=always(*NORMS, *ATTENTION, *MLP),
    biased=QKV,
    own_head_dim=False,
)
