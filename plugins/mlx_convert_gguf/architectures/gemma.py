"""Gemma 1 and CodeGemma; the file has each norm one larger."""

from __future__ import annotations

from mlx_convert_gguf.architecture import ATTENTION, EMBEDDING, MLP, Architecture, always, less_one, weight

ARCHITECTURE = Architecture(
    name="gemma",
    config={
        "architectures": ["GemmaForCausalLM"],
        "model_type": "gemma",
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh",
    },
    outer=(EMBEDDING, weight("output_norm", "model.norm", "hidden", less_one)),
    layer=always(
        weight("attn_norm", "input_layernorm", "hidden", less_one),
        weight("ffn_norm", "post_attention_layernorm", "hidden", less_one),
        *ATTENTION,
        *MLP,
    ),
)
