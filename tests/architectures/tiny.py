"""What a tiny model of some architecture is: its config.json, and how its repo names what MLX renames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from architectures.layouts import Rule

HIDDEN, INNER, VOCABULARY = 64, 128, 384
_LLAMA = {
    "hidden_size": HIDDEN, "num_hidden_layers": 2, "intermediate_size": INNER, "num_attention_heads": 4,
    "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "vocab_size": VOCABULARY, "rope_theta": 10000.0,
    "max_position_embeddings": 256, "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
    "pad_token_id": 0,
}  # fmt: skip
VISION = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 64, "norm_topk_prob": True}
ROPE = {"rope_theta": 10000.0, "rope_type": "default"}
YARN = {
    "rope_theta": 10000.0, "rope_type": "yarn", "type": "yarn", "factor": 2.0, "mscale": 1.0, "mscale_all_dim": 1.0,
    "original_max_position_embeddings": 128, "beta_fast": 32.0, "beta_slow": 1.0, "llama_4_scaling_beta": 0.1,
}  # fmt: skip
LONG_ROPE = {
    "type": "longrope", "rope_type": "longrope", "short_factor": [1.0] * 8, "long_factor": [1.0] * 8,
    "original_max_position_embeddings": 128, "short_mscale": 1.0, "long_mscale": 1.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tiny:
    """A tiny architecture.

    ``rules`` turn the tensors of the MLX model into the repo's. ``stored`` is the repo's dtype; ``cast`` is
    what config.json says of it ("" for nothing). ``mlx_layout`` says why there are no rules for a class
    that can't take what its repo holds.
    """

    config: dict[str, Any]
    rules: tuple[Rule, ...] = ()
    stored: str = "BF16"
    cast: str = "bfloat16"
    mlx_layout: str = ""


def tiny(config: dict[str, Any], *rules: Rule, stored: str = "BF16", cast: str = "bfloat16", mlx: str = "") -> Tiny:
    """Write a Tiny shortly."""
    return Tiny(config, rules, stored, cast, mlx)


def llama(*without: str, **more: Any) -> dict[str, Any]:
    """The config of a tiny llama, with other fields added or left out."""
    return {key: value for key, value in (_LLAMA | more).items() if key not in without}


def wrapped(text: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The config of a model for text and pictures around a text model, as these nest it."""
    return {"text_config": text | {"dtype": "bfloat16"}, "vision_config": dict(VISION), **more}
