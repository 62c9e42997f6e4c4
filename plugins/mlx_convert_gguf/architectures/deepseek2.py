"""DeepSeek 2 to 3.1 and Kimi K2: latent attention, experts behind some plain layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlx_convert_gguf.architecture import (
    EXPERTS,
    MLP,
    NORMS,
    RMS,
    SETTINGS,
    Architecture,
    Part,
    per_head,
    weight,
)
from mlx_convert_gguf.numbers import Numbers, Setting, flag, integer, number, size

_SIGMOID = 2  # of expert_gating_func
# Groups of experts, and how many of them are looked into, by the number of experts: older files don't say.
_GROUPS = {256: (8, 4), 160: (8, 3)}
_KEYS_AND_VALUES = weight("attn_kv_b", "self_attn.kv_b_proj", "kv_b latent")
_IN_TWO = Part(
    files=("attn_k_b.weight", "attn_v_b.weight"),
    name=_KEYS_AND_VALUES.name,
    shape=_KEYS_AND_VALUES.shape,
    stored=("heads latent nope", "heads v_head latent"),
    turn=per_head,
)
_ATTENTION = (
    weight("attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa", "kv_a hidden"),
    weight("attn_kv_a_norm", "self_attn.kv_a_layernorm", "latent"),
    weight("attn_output", "self_attn.o_proj", "hidden v_all"),
)
_QUERIES = (
    weight("attn_q_a", "self_attn.q_a_proj", "q_latent hidden"),
    weight("attn_q_a_norm", "self_attn.q_a_layernorm", "q_latent"),
    weight("attn_q_b", "self_attn.q_b_proj", "qk q_latent"),
)
_PLAIN_QUERIES = (weight("attn_q", "self_attn.q_proj", "qk hidden"),)
_CORRECTION = Part(files=("exp_probs_b.bias",), name="mlp.gate.e_score_correction_bias", shape="experts", dtype="F32")
_SHARED = (
    weight("ffn_gate_shexp", "mlp.shared_experts.gate_proj", "shared hidden"),
    weight("ffn_up_shexp", "mlp.shared_experts.up_proj", "shared hidden"),
    weight("ffn_down_shexp", "mlp.shared_experts.down_proj", "hidden shared"),
)


def _sizes(numbers: Numbers) -> Mapping[str, int]:
    heads, latent = numbers.integer("attention.head_count"), numbers.integer("attention.kv_lora_rank")
    keys = numbers.integer("attention.key_length_mla", numbers.integer("attention.key_length"))
    values = numbers.integer("attention.value_length_mla", numbers.integer("attention.value_length"))
    turned, inner = numbers.integer("rope.dimension_count"), numbers.integer("expert_feed_forward_length")
    return {
        "latent": latent,
        "q_latent": numbers.integer("attention.q_lora_rank", 0),
        "nope": keys - turned,
        "v_head": values,
        "qk": heads * keys,
        "kv_a": latent + turned,
        "kv_b": heads * (keys - turned + values),
        "v_all": heads * values,
        "expert_inner": inner,
        "shared": inner * numbers.integer("expert_shared_count"),
    }


def _layer(numbers: Numbers, layer: int) -> tuple[Part, ...]:
    queries = _QUERIES if numbers["q_latent"] else _PLAIN_QUERIES
    attention = (*queries, *_ATTENTION, _KEYS_AND_VALUES if numbers.has("attn_kv_b.weight") else _IN_TWO)
    if layer < numbers.integer("leading_dense_block_count", 0):
        return (*NORMS, *attention, *MLP)
    correction = (_CORRECTION,) if _sigmoid(numbers) else ()
    return (*NORMS, *attention, *EXPERTS, *correction, *(_SHARED if numbers["shared"] else ()))


def _sigmoid(numbers: Numbers) -> bool:
    """Whether it is a DeepSeek 3, which rates experts by themselves."""
    return numbers.integer("expert_gating_func", 1) == _SIGMOID


def _third(two: Any, three: Any) -> Setting:
    return lambda numbers: three if _sigmoid(numbers) else two


def _groups(numbers: Numbers) -> tuple[int, int]:
    groups, looked_into = _GROUPS.get(numbers["experts"], (1, 1))
    return (
        numbers.integer("expert_group_count", groups) or 1,
        numbers.integer("expert_group_used_count", looked_into) or 1,
    )


def _method(numbers: Numbers) -> str:
    grouped = "group_limited_greedy" if _groups(numbers)[0] > 1 else "greedy"
    return "noaux_tc" if _sigmoid(numbers) else grouped


ARCHITECTURE = Architecture(
    name="deepseek2",
    config={"hidden_act": "silu", "attention_bias": False, "moe_layer_freq": 1},
    settings={
        "architectures": _third(["DeepseekV2ForCausalLM"], ["DeepseekV3ForCausalLM"]),
        "model_type": _third("deepseek_v2", "deepseek_v3"),
        "scoring_func": _third("softmax", "sigmoid"),
        **SETTINGS,
        **RMS,
        "num_key_value_heads": size("heads"),
        "kv_lora_rank": size("latent"),
        "q_lora_rank": lambda numbers: numbers["q_latent"] or None,
        "qk_rope_head_dim": size("rope"),
        "qk_nope_head_dim": size("nope"),
        "v_head_dim": size("v_head"),
        "moe_intermediate_size": size("expert_inner"),
        "n_routed_experts": size("experts"),
        "n_shared_experts": integer("expert_shared_count"),
        "num_experts_per_tok": size("used"),
        "first_k_dense_replace": integer("leading_dense_block_count", 0),
        "routed_scaling_factor": number("expert_weights_scale", 1.0),
        "norm_topk_prob": flag("expert_weights_norm", False),
        "n_group": lambda numbers: _groups(numbers)[0],
        "topk_group": lambda numbers: _groups(numbers)[1],
        "topk_method": _method,
    },
    sizes=_sizes,
    layer=_layer,
    experts=True,
    own_head_dim=False,
    latent=True,
)
