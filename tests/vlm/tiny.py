"""Tiny random checkpoints of mlx-vlm's own classes: each config's numbers are made small by their names."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path
from typing import Any

WORDS = 512
# How large anything of a config may be, by the words of its name.
_SIZES = {
    name: size
    for names, size in {
        "num_hidden_layers num_layers n_layer n_layers depth depths layers encoder_layers decoder_layers"
        " num_encoder_layers num_decoder_layers": 2,
        "num_key_value_heads kv_heads num_global_key_value_heads n_kv_heads": 2,
        "num_attention_heads num_heads n_head n_heads attention_heads encoder_attention_heads"
        " decoder_attention_heads heads": 4,
        "head_dim global_head_dim qk_nope_head_dim v_head_dim qk_rope_head_dim kv_lora_rank q_lora_rank"
        " attention_head_dim": 16,
        "intermediate_size ffn_dim mlp_hidden moe_intermediate_size encoder_ffn_dim decoder_ffn_dim": 128,
        "hidden_size embed_dim out_hidden_size d_model projection_dim output_dim hidden_dim text_hidden_size width"
        " n_embd n_embed dim": 64,
        "num_experts_per_tok num_experts_per_token top_k_experts moe_top_k": 2,
        "num_experts n_routed_experts num_local_experts moe_num_experts": 4,
        "first_k_dense_replace": 1,
        "vocab_size padded_vocab_size": WORDS,
    }.items()
    for name in names.split()
}
# What a class has no default for.
_NEEDED = {
    "image_size": 56, "patch_size": 14, "num_channels": 3, "in_channels": 3, "max_position_embeddings": 128,
    "rope_theta": 10000.0, "linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 16,
    "linear_value_head_dim": 16, "linear_conv_kernel_dim": 4, "num_shared_experts": 1, "n_shared_experts": 1,
    "shared_expert_intermediate_size": 128, "decoder_sparse_step": 1, "mlp_only_layers": [],
    "n_group": 1, "topk_group": 1,
    "partial_rotary_factor": 0.5, "routed_scaling_factor": 1.0, "n_ctx": 128, "n_positions": 128, "n_inner": 128,
    "hidden_act": "silu", "state_size": 16, "conv_kernel": 4, "logits_scaling": 1.0, "attention_multiplier": 1.0,
    "embedding_multiplier": 1.0, "residual_multiplier": 1.0, "scale_depth": 1.0, "scale_emb": 1.0, "dim_model_base": 64,
}  # fmt: skip
_BY_TYPE = {"int": 4, "float": 1e-5, "bool": False, "str": ""}
_SIGLIP, _CLIP = {"model_type": "siglip_vision_model"}, {"model_type": "clip_vision_model"}
# What the classes of some packages ask of their parts.
_PARTS: dict[str, dict[str, dict[str, Any]]] = {
    "gemma3": {"text_config": {"model_type": "gemma3_text"}, "vision_config": _SIGLIP},
    "llava": {"text_config": {"model_type": "llama"}, "vision_config": _CLIP},
    "llava_next": {"text_config": {"model_type": "llama"}, "vision_config": _CLIP},
    "aya_vision": {"text_config": {"model_type": "cohere2"}, "vision_config": _SIGLIP},
    "idefics2": {"text_config": {"model_type": "mistral"}, "vision_config": {"model_type": "idefics2"}},
    "idefics3": {"text_config": {"model_type": "llama"}, "vision_config": {"model_type": "idefics3"}},
    "internvl_chat": {"text_config": {"model_type": "qwen2"}, "vision_config": {"model_type": "intern_vit_6b"}},
    "glm4v": {"text_config": {"model_type": "glm4v_text"}, "vision_config": {"model_type": "glm4v"}},
    "glm4v_moe": {"text_config": {"model_type": "glm4v_moe_text"}, "vision_config": {"model_type": "glm4v_moe"}},
    "llama4": {"text_config": {"model_type": "llama4_text"}, "vision_config": {"model_type": "llama4_vision_model"}},
    "deepseek_vl_v2": {"vision_config": {"model_type": "vision"}},
}
_MODULES = ("text", "vision", "perceiver", "projector", "audio")


def write_checkpoint(
    package: str, folder: Path, changes: dict[str, Any] | None = None, most: int = 200_000_000
) -> None:
    """Save a random bf16 model of mlx-vlm's ``package``, by the names of its own class, in ``folder``.

    Raises ValueError for one of more than ``most`` bytes, whose config has sizes that are not known here."""
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_vlm import utils

    module = importlib.import_module(f"mlx_vlm.models.{package}")
    config = config_of(module, package)
    for name, value in (changes or {}).items():
        config[name] = config.get(name, {}) | value if isinstance(value, dict) else value
    read = json.loads(json.dumps(config))
    read.setdefault("text_config", {}), read.setdefault("vision_config", {}), read.setdefault("audio_config", {})
    settings = module.ModelConfig.from_dict(read)
    settings = utils.update_module_configs(settings, module, read, list(_MODULES))
    model = module.Model(settings)
    mx.random.seed(7)
    weights = {}
    for name, array in tree_flatten(model.parameters()):
        random = mx.random.normal(array.shape) * 0.05
        weights[name] = random.astype(mx.bfloat16) if mx.issubdtype(array.dtype, mx.floating) else array
    if sum(array.nbytes for array in weights.values()) > most:
        raise ValueError("too large for a tiny one")
    folder.mkdir(parents=True)
    mx.save_safetensors(str(folder / "model.safetensors"), weights, {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=1))


def config_of(module: Any, package: str) -> dict[str, Any]:
    """A small config.json for the package ``module``."""
    config = _fields(module.ModelConfig) | {"model_type": package, "torch_dtype": "bfloat16"}
    for part in _MODULES:
        kind = getattr(module, f"{part.title()}Config", None)
        if kind is not None and dataclasses.is_dataclass(kind):
            config[f"{part}_config"] = _fields(kind)
        else:
            config.pop(f"{part}_config", None)
    for part, changes in _PARTS.get(package, {}).items():
        config[part] = config.get(part, {}) | changes
    return config


def _fields(kind: Any) -> dict[str, Any]:
    """Small numbers for a config's fields: its own defaults, and what it can't do without."""
    found = {}
    for field in dataclasses.fields(kind):
        value = _value(field)
        if value is not dataclasses.MISSING and value is not None and _is_plain(value):
            found[field.name] = value
    return found


def _value(field: Any) -> Any:
    default = field.default
    if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    if field.name in _SIZES and not isinstance(default, (list, bool)) and default is not None:
        size = _SIZES[field.name]
        return size if default is dataclasses.MISSING else min(int(default), size)
    if field.name.endswith(("token_id", "token_index")) and isinstance(default, int):
        return min(default, WORDS - 1)
    if default is dataclasses.MISSING:
        kind = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", "")
        return _NEEDED.get(field.name, _BY_TYPE.get(kind, dataclasses.MISSING))
    return default


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True
