"""GPT-2: learned positions, and linear layers whose checkpoints have inputs first."""

from __future__ import annotations

from mlx_convert_gguf.architecture import Architecture, always, transposed, weight
from mlx_convert_gguf.numbers import integer, number, size

ARCHITECTURE = Architecture(
    name="gpt2",
    config={"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new"},
    settings={
        "n_ctx": integer("context_length"),
        "n_positions": integer("context_length"),
        "n_embd": size("hidden"),
        "n_head": size("heads"),
        "n_layer": size("layers"),
        "n_inner": size("inner"),
        "layer_norm_epsilon": number("attention.layer_norm_epsilon"),
        "vocab_size": size("vocabulary"),
    },
    sizes=lambda numbers: {"positions": numbers.integer("context_length")},
    outer=(
        weight("token_embd", "wte", "vocabulary hidden"),
        weight("position_embd", "wpe", "positions hidden"),
        weight("output_norm", "ln_f", "hidden"),
    ),
    layer=always(
        weight("attn_norm", "ln_1", "hidden"),
        weight("attn_qkv", "attn.c_attn", "hidden qkv", transposed("qkv"), stored="qkv hidden"),
        weight("attn_output", "attn.c_proj", "hidden hidden", transposed("hidden"), stored="hidden hidden"),
        weight("ffn_norm", "ln_2", "hidden"),
        weight("ffn_up", "mlp.c_fc", "hidden inner", transposed("inner"), stored="inner hidden"),
        weight("ffn_down", "mlp.c_proj", "inner hidden", transposed("hidden"), stored="hidden inner"),
    ),
    biased=("output_norm", "attn_norm", "ffn_norm", "attn_qkv", "attn_output", "ffn_up", "ffn_down"),
    own_head_dim=False,
    prefix="h",
    unused=("output.weight",),  # older converters wrote the embedding a second time
)
