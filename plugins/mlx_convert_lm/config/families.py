"""Fields that classes of mlx-lm ask for and transformers 5 saves in other words or takes for granted, by model type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlx_convert_lm.config.rope import main_kind, stated

Read = Callable[[Mapping[str, Any]], Any]


def _always(value: Any) -> Read:
    return lambda config: value


def _same(name: str) -> Read:
    return lambda config: config[name]


def _turned(config: Mapping[str, Any]) -> int:
    """How many numbers of a head are turned."""
    share = main_kind(stated(config)).share
    return int(_head(config) * (1.0 if share is None else share))


def _head(config: Mapping[str, Any]) -> int:
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def _pattern(config: Mapping[str, Any]) -> str:
    """Which layers look at a window (L) and which at the whole text (G), a letter each."""
    given = config["sliding_window_pattern"]
    if isinstance(given, str) or not given:
        return given
    return "".join("L" if kind == "sliding_attention" else "G" for kind in config["layer_types"])


def _older_kinds(config: Mapping[str, Any]) -> list[str]:
    older = {"linear_attention": "mamba", "full_attention": "attention"}
    return [older.get(kind, kind) for kind in config["layer_types"]]


def _granite_positions(config: Mapping[str, Any]) -> str:
    return "rope" if config.get("position_embedding_type") == "rope" else "nope"


def _no_scaling(kind: str) -> Read:
    """Scaling that changes nothing, for classes that always scale."""

    def read(config: Mapping[str, Any]) -> dict[str, Any]:
        ones = [1.0] * (config["qk_rope_head_dim"] // 2)
        factors = {"short_factor": ones, "long_factor": ones} if kind == "longrope" else {}
        original = config["max_position_embeddings"]
        base = {"rope_theta": config["rope_theta"], "original_max_position_embeddings": original}
        return {"rope_type": kind, "type": kind, "factor": 1.0, **base, **factors}

    return read


def _are(kind: str, names: str) -> Read:
    """For each layer, as a number, whether it is of a ``kind`` by the list called ``names``."""
    return lambda config: [int(one == kind) for one in config[names]]


def _leading(kind: str, names: str) -> Read:
    """How many layers of a ``kind`` come first."""
    return lambda config: next((place for place, one in enumerate(config[names]) if one != kind), len(config[names]))


def _delta_attention(config: Mapping[str, Any]) -> dict[str, Any]:
    """Which layers of Kimi Linear have linear attention, counted from 1, and of what size."""
    kinds = list(enumerate(config["layer_types"], 1))
    return {
        "kda_layers": [number for number, kind in kinds if kind == "linear_attention"],
        "full_attn_layers": [number for number, kind in kinds if kind != "linear_attention"],
        "head_dim": config["linear_head_dim"],
        "num_heads": config["linear_num_heads"],
        "short_conv_kernel_size": config["linear_conv_kernel_dim"],
    }


def _interval(config: Mapping[str, Any]) -> int:
    """Every how many layers one looks at the whole text; raises ValueError where they do not come regularly."""
    kinds = config["layer_types"]
    found = int(kinds.index("full_attention")) + 1
    if any((kind == "full_attention") != (number % found == 0) for number, kind in enumerate(kinds, 1)):
        raise ValueError("the layers of whole attention do not come regularly")
    return found


_MIMO: dict[str, Read] = {
    "hybrid_layer_pattern": _are("sliding_attention", "layer_types"),
    "moe_layer_freq": _are("sparse", "mlp_layer_types"),
    "add_swa_attention_sink_bias": _always(True),
    "add_full_attention_sink_bias": _always(False),
    "sliding_window_size": lambda config: config["sliding_window"] - 1,  # transformers adds one again
    "n_shared_experts": _always(None),
    "layernorm_epsilon": _same("rms_norm_eps"),
    "topk_method": _always("noaux_tc"),
    "scoring_func": _always("sigmoid"),
    "swa_num_attention_heads": _same("num_attention_heads"),
    "swa_num_key_value_heads": lambda config: 2 * config["num_key_value_heads"],
    "swa_head_dim": _same("head_dim"),
    "swa_v_head_dim": _same("v_head_dim"),
}
_KIMI_LINEAR: dict[str, Read] = {
    "linear_attn_config": _delta_attention,
    "rope_theta": _always(10_000.0),  # asked for, and never used: its layers know no places
    "model_max_length": _same("max_position_embeddings"),
    "num_experts": _same("num_local_experts"),
    "num_experts_per_token": _same("num_experts_per_tok"),
    "num_shared_experts": _same("n_shared_experts"),
    "moe_renormalize": _same("norm_topk_prob"),
    "num_expert_group": _same("n_group"),
    "first_k_dense_replace": _leading("dense", "mlp_layer_types"),
}
_MINIMAX: dict[str, Read] = {"rotary_dim": _turned, "shared_intermediate_size": _always(0)}
# A reader may raise KeyError, TypeError or ZeroDivisionError where the config does not say what it needs.
IN_OTHER_WORDS: dict[str, dict[str, Read]] = {
    "apertus": {"mlp_bias": _always(False), "post_norm": _always(False), "qk_norm": _always(True)},
    "bailing_hybrid": {
        "num_experts_per_tok": _same("num_experts_per_token"),
        "n_group": _same("num_expert_group"),
        "moe_shared_expert_intermediate_size": _same("moe_intermediate_size"),
    },
    "deepseek_v2": {"rope_scaling": _no_scaling("yarn")},
    "exaone4": {"sliding_window_pattern": _pattern},
    "exaone_moe": {"is_moe_layer": lambda config: [kind == "sparse" for kind in config["mlp_layer_types"]]},
    "gemma3": {"vocab_size": lambda config: config["text_config"]["vocab_size"]},
    "gpt_bigcode": {"n_inner": lambda config: 4 * config["n_embd"]},
    "granitemoehybrid": {"layer_types": _older_kinds, "position_embedding_type": _granite_positions},
    "glm_moe_dsa": {
        "topk_method": _always("noaux_tc"),
        "scoring_func": _always("sigmoid"),
        "moe_layer_freq": _always(1),
    },
    "gpt2": {"n_ctx": _same("n_positions")},
    "kimi_linear": _KIMI_LINEAR,
    "lfm2": {"block_dim": _same("hidden_size")},
    "longcat_flash": {
        "attention_method": _always("MLA"),
        "zero_expert_type": _always("identity"),
        "mla_scale_q_lora": _always(True),
        "mla_scale_kv_lora": _always(True),
    },
    "mamba2": {"intermediate_size": lambda config: int(config["hidden_size"] * config["expand"])},
    "mimo_v2_flash": _MIMO,
    "minicpm": {"tie_word_embeddings": _always(False)},  # the class makes a head of the embeddings itself
    "minicpm3": {"rope_scaling": _no_scaling("longrope")},
    "minimax": _MINIMAX,
    "minimax_m2": _MINIMAX,
    "solar_open": {
        "first_k_dense_replace": _always(0),
        "intermediate_size": _same("moe_intermediate_size"),
        "partial_rotary_factor": _always(1.0),
    },
}
# The same for a config within the config, from which the class within the class is built.
WITHIN: dict[str, dict[str, Read]] = {
    "qwen3_5_text": {"full_attention_interval": _interval},
    "qwen3_5_moe_text": {"full_attention_interval": _interval},
}
# Of the first, those that are there in newer words; transformers reads the older ones, too.
REWRITTEN = {
    ("exaone4", "sliding_window_pattern"),
    ("granitemoehybrid", "layer_types"),
    ("granitemoehybrid", "position_embedding_type"),
    ("minicpm", "tie_word_embeddings"),
}


def width_of_heads(config: Mapping[str, Any]) -> int:
    """What transformers takes for ``head_dim`` when a config has none; raises what a reader may raise."""
    return _head(config)
