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


_MINIMAX: dict[str, Read] = {"rotary_dim": _turned, "shared_intermediate_size": _always(0)}
# A reader may raise KeyError, TypeError or ZeroDivisionError where the config does not say what it needs.
IN_OTHER_WORDS: dict[str, dict[str, Read]] = {
    "apertus": {"mlp_bias": _always(False), "post_norm": _always(False), "qk_norm": _always(True)},
    "deepseek_v2": {"rope_scaling": _no_scaling("yarn")},
    "exaone4": {"sliding_window_pattern": _pattern},
    "exaone_moe": {"is_moe_layer": lambda config: [kind == "sparse" for kind in config["mlp_layer_types"]]},
    "gpt_bigcode": {"n_inner": lambda config: 4 * config["n_embd"]},
    "granitemoehybrid": {"layer_types": _older_kinds, "position_embedding_type": _granite_positions},
    "glm_moe_dsa": {
        "topk_method": _always("noaux_tc"),
        "scoring_func": _always("sigmoid"),
        "moe_layer_freq": _always(1),
    },
    "gpt2": {"n_ctx": _same("n_positions")},
    "lfm2": {"block_dim": _same("hidden_size")},
    "longcat_flash": {
        "attention_method": _always("MLA"),
        "zero_expert_type": _always("identity"),
        "mla_scale_q_lora": _always(True),
        "mla_scale_kv_lora": _always(True),
    },
    "mamba2": {"intermediate_size": lambda config: int(config["hidden_size"] * config["expand"])},
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
# Of these, those that are there in newer words; transformers reads the older ones, too.
REWRITTEN = {
    ("exaone4", "sliding_window_pattern"),
    ("granitemoehybrid", "layer_types"),
    ("granitemoehybrid", "position_embedding_type"),
    ("minicpm", "tie_word_embeddings"),
}


def width_of_heads(config: Mapping[str, Any]) -> int:
    """What transformers takes for ``head_dim`` when a config has none; raises what a reader may raise."""
    return _head(config)
