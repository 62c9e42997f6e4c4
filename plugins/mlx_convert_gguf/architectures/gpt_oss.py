"""gpt-oss: sinks in attention, experts with biases, windows in every other layer.

Its checkpoints hold experts as MXFP4. Here they are plain numbers, which hold each of those exactly, in the layout
that mlx-lm makes of them.
"""

from __future__ import annotations

from mlx_convert_gguf.architecture import (
    ATTENTION,
    QKVO,
    RMS,
    SETTINGS,
    Architecture,
    Part,
    always,
    expert_sizes,
    weight,
)
from mlx_convert_gguf.numbers import Numbers, integer, number, size


def _layer_types(numbers: Numbers) -> list[str]:
    return ["full_attention" if layer % 2 else "sliding_attention" for layer in range(numbers["layers"])]


def _stack(file: str, name: str, shape: str) -> tuple[Part, Part]:
    """The matrices of all experts, and their biases."""
    outputs = shape.split()[0]
    return (
        weight(file, f"mlp.experts.{name}", f"experts {shape}"),
        Part(files=(f"{file}.bias",), name=f"mlp.experts.{name}.bias", shape=f"experts {outputs}"),
    )


ARCHITECTURE = Architecture(
    name="gpt-oss",
    config={
        "architectures": ["GptOssForCausalLM"],
        "model_type": "gpt_oss",
        "hidden_act": "silu",
        "attention_bias": True,
        "swiglu_limit": 7.0,
    },
    settings={
        **SETTINGS,
        **RMS,
        "intermediate_size": size("expert_inner"),
        "rope_theta": number("rope.freq_base", 150_000.0),
        "sliding_window": integer("attention.sliding_window", 128),
        "layer_types": _layer_types,
        "num_local_experts": size("experts"),
        "num_experts_per_tok": size("used"),
    },
    sizes=expert_sizes,
    layer=always(
        weight("attn_norm", "input_layernorm", "hidden"),
        weight("post_attention_norm", "post_attention_layernorm", "hidden"),
        *ATTENTION,
        Part(files=("attn_sinks.weight",), name="self_attn.sinks", shape="heads"),
        weight("ffn_gate_inp", "mlp.router", "experts hidden"),
        *_stack("ffn_gate_exps", "gate_proj", "expert_inner hidden"),
        *_stack("ffn_up_exps", "up_proj", "expert_inner hidden"),
        *_stack("ffn_down_exps", "down_proj", "hidden expert_inner"),
    ),
    biased=(*QKVO, "ffn_gate_inp"),
    experts=True,
)
