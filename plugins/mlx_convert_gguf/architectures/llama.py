"""Llama 1 to 3, Mistral, TinyLlama, SmolLM and their kin."""

from __future__ import annotations

from mlx_convert_gguf.architecture import GATE_UP_DOWN, HALVED_ATTENTION, MLP, NORMS, QKVO, Architecture, always

ARCHITECTURE = Architecture(
    name="llama",
    config={"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu"},
    layer=always(*NORMS, *HALVED_ATTENTION, *MLP),
    biases={"attention_bias": QKVO, "mlp_bias": GATE_UP_DOWN},
)
