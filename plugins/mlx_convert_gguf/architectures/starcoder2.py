"""StarCoder 2: layer norms, a bias everywhere, no gate."""

from __future__ import annotations

from mlx_convert_gguf.architecture import ATTENTION, NORMS, QKVO, SETTINGS, Architecture, always, weight
from mlx_convert_gguf.numbers import number

ARCHITECTURE = Architecture(
    name="starcoder2",
    config={
        "architectures": ["Starcoder2ForCausalLM"],
        "model_type": "starcoder2",
        "hidden_act": "gelu_pytorch_tanh",
        "use_bias": True,
    },
    settings={**SETTINGS, "norm_epsilon": number("attention.layer_norm_epsilon")},
    layer=always(
        *NORMS,
        *ATTENTION,
        weight("ffn_up", "mlp.c_fc", "inner hidden"),
        weight("ffn_down", "mlp.c_proj", "hidden inner"),
    ),
    biased=("output_norm", "attn_norm", "ffn_norm", *QKVO, "ffn_up", "ffn_down"),
    own_head_dim=False,
)
