"""Llama 1 to 3, Mistral, TinyLlama, SmolLM and their kin."""

from __future__ import annotations

from mlx_convert_gguf.architecture import ATTENTION, MLP, NORMS, Architecture

ARCHITECTURE = Architecture(
    name="llama",
    config={"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu"},
    names=NORMS | ATTENTION | MLP,
    permuted=("attn_q", "attn_k"),
    biases={"attention_bias": tuple(ATTENTION), "mlp_bias": tuple(MLP)},
)
