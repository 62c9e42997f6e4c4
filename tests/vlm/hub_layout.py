"""Tiny random checkpoints as Hugging Face repos have them: made and saved by transformers' own classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TEXT: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 512, "head_dim": 16, "max_position_embeddings": 256,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
_VISION: dict[str, Any] = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "image_size": 56, "patch_size": 14, "num_channels": 3,
}  # fmt: skip
_SEES: dict[str, Any] = {
    "image_token_id": 7,
    "video_token_id": 8,
    "vision_start_token_id": 9,
    "vision_end_token_id": 10,
}
_ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
_QWEN = {"depth": 2, "num_heads": 4, "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2}
# By transformers' model type: what is put over its own defaults.
FAMILIES: dict[str, dict[str, Any]] = {
    "aya_vision": {
        "alignment_intermediate_size": 128,
        "text_config": _TEXT | {"model_type": "cohere2"},
        "vision_config": _VISION | {"model_type": "siglip_vision_model", "vision_use_head": False},
        "image_token_index": 7,
    },
    "cohere2_vision": {
        "text_config": _TEXT | {"model_type": "cohere2"},
        "vision_config": _VISION | {"model_type": "siglip_vision_model", "vision_use_head": False},
        "image_token_id": 7,
    },
    "gemma3": {
        "text_config": _TEXT | {"sliding_window": 64},
        "vision_config": _VISION | {"image_size": 224, "vision_use_head": False},
        "image_token_index": 7,
        "boi_token_index": 8,
        "eoi_token_index": 9,
    },
    "glm4v": {
        "text_config": _TEXT | {"rope_parameters": _ROPE | {"partial_rotary_factor": 0.5}},
        "vision_config": _VISION | {"depth": 2, "num_heads": 4, "out_hidden_size": 64},
        **_SEES,
    },
    "idefics2": {
        "text_config": _TEXT | {"model_type": "mistral"},
        "vision_config": _VISION,
        "perceiver_config": {
            "hidden_size": 64,
            "resampler_depth": 1,
            "resampler_n_heads": 4,
            "resampler_head_dim": 16,
            "resampler_n_latents": 4,
            "num_key_value_heads": 2,
        },
        "image_token_id": 7,
    },
    "idefics3": {
        "text_config": _TEXT | {"model_type": "llama"},
        "vision_config": _VISION,
        "scale_factor": 2,
        "image_token_id": 7,
    },
    "internvl": {
        "tie_word_embeddings": False,
        "text_config": _TEXT | {"model_type": "qwen3"},
        "vision_config": _VISION | {"image_size": [56, 56], "patch_size": [14, 14]},
        "image_token_id": 7,
    },
    "llama4": {
        "text_config": _TEXT | {"intermediate_size_mlp": 128, "num_local_experts": 2, "num_experts_per_tok": 1},
        "vision_config": _VISION
        | {
            "intermediate_size": 256,
            "projector_input_dim": 64,
            "projector_output_dim": 64,
            "vision_output_dim": 64,
            "vision_feature_layer": -1,
            "rope_theta": 10000.0,
        },
    },
    "llava": {
        "text_config": _TEXT | {"model_type": "llama"},
        "vision_config": _VISION | {"model_type": "clip_vision_model", "projection_dim": 64},
        "image_token_index": 7,
    },
    "llava_next": {
        "text_config": _TEXT | {"model_type": "llama"},
        "vision_config": _VISION | {"model_type": "clip_vision_model", "projection_dim": 64},
        "image_token_index": 7,
        "image_grid_pinpoints": [[56, 56], [56, 112]],
    },
    "llava_onevision": {
        "text_config": _TEXT | {"model_type": "qwen2"},
        "vision_config": _VISION | {"model_type": "siglip_vision_model", "vision_use_head": False},
        "image_token_index": 7,
        "video_token_index": 8,
        "image_grid_pinpoints": [[56, 56]],
    },
    "mistral3": {
        "tie_word_embeddings": False,
        "text_config": _TEXT | {"model_type": "mistral"},
        "vision_config": _VISION | {"model_type": "pixtral", "head_dim": 16},
        "image_token_index": 7,
    },
    "mllama": {
        "text_config": _TEXT
        | {"cross_attention_layers": [1], "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
        "vision_config": _VISION
        | {
            "num_global_layers": 1,
            "attention_heads": 4,
            "vision_output_dim": 128,
            "intermediate_layers_indices": [0],
            "max_num_tiles": 4,
            "supported_aspect_ratios": [[1, 1], [1, 2], [1, 3], [1, 4], [2, 1], [2, 2], [3, 1], [4, 1]],
        },
        "image_token_index": 7,
    },
    "paligemma": {
        "text_config": _TEXT | {"model_type": "gemma"},
        "vision_config": _VISION
        | {"model_type": "siglip_vision_model", "projection_dim": 64, "vision_use_head": False},
        "projection_dim": 64,
        "image_token_index": 7,
    },
    "pixtral": {
        "tie_word_embeddings": False,
        "text_config": _TEXT | {"model_type": "mistral"},
        "vision_config": _VISION | {"model_type": "pixtral", "head_dim": 16},
        "image_token_index": 7,
    },
    "qwen2_5_vl": {
        "text_config": _TEXT | {"rope_parameters": _ROPE},
        "vision_config": _QWEN
        | {"hidden_size": 64, "intermediate_size": 128, "out_hidden_size": 64, "fullatt_block_indexes": [1]},
        **_SEES,
    },
    "qwen2_vl": {
        "text_config": _TEXT | {"rope_parameters": _ROPE},
        "vision_config": _QWEN | {"embed_dim": 64, "hidden_size": 64, "mlp_ratio": 2},
        **_SEES,
    },
    "qwen3_vl": {
        "text_config": _TEXT | {"rope_parameters": _ROPE},
        "vision_config": _QWEN
        | {
            "hidden_size": 64,
            "intermediate_size": 128,
            "out_hidden_size": 64,
            "deepstack_visual_indexes": [0],
            "num_position_embeddings": 16,
        },
        **_SEES,
    },
    "qwen3_vl_moe": {
        "text_config": _TEXT
        | {
            "rope_parameters": _ROPE,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 128,
            "decoder_sparse_step": 1,
            "tie_word_embeddings": False,
        },
        "vision_config": _QWEN
        | {
            "hidden_size": 64,
            "intermediate_size": 128,
            "out_hidden_size": 64,
            "deepstack_visual_indexes": [0],
            "num_position_embeddings": 16,
        },
        **_SEES,
    },
    "smolvlm": {
        "text_config": _TEXT | {"model_type": "llama"},
        "vision_config": _VISION,
        "scale_factor": 2,
        "image_token_id": 7,
    },
    "lfm2_vl": {
        "text_config": _TEXT
        | {
            "model_type": "lfm2",
            "block_auto_adjust_ff_dim": False,
            "block_dim": 64,
            "conv_dim": 64,
            "layer_types": ["conv", "full_attention"],
            "block_ff_dim": 128,
        },
        "vision_config": _VISION | {"model_type": "siglip2_vision_model", "num_patches": 16, "vision_use_head": False},
        "image_token_id": 7,
    },
}


# Families whose repos, written by transformers 4, name what is in the vision tower by one word more.
_TOWERS = ("aya_vision", "cohere2_vision", "gemma3", "llava", "llava_next", "paligemma")
# Families whose repos have the experts with inputs for rows; transformers 5 turns them over.
_INPUTS_FIRST = ("qwen3_vl_moe",)
# Families whose repos have the text model's settings beside the others.
_FLAT = ("qwen2_vl", "qwen2_5_vl")
# Families that transformers has no class of their own for.
_CLASSES = {"pixtral": "llava"}


def write_checkpoint(family: str, folder: Path) -> None:
    """Save a random bf16 model of ``family``, by transformers' own class for pictures and text, in ``folder``."""
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    config = AutoConfig.for_model(_CLASSES.get(family, family), **_plain(FAMILIES[family]))
    torch.manual_seed(7)
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    if sum(one.numel() for one in model.parameters()) > 20e6:
        raise ValueError("too large for a tiny one")
    model.save_pretrained(folder)
    _name_as_published(family, folder)
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(_say_as_published(family, settings), indent=1))


def _name_as_published(family: str, folder: Path) -> None:
    import mlx.core as mx

    if family not in (*_TOWERS, *_INPUTS_FIRST):
        return
    for path in folder.glob("*.safetensors"):
        tensors = mx.load(str(path))
        mx.eval(list(tensors.values()))
        named = {}
        for name, one in tensors.items():
            if family in _INPUTS_FIRST and ".experts." in name:
                named[name] = mx.contiguous(one.swapaxes(1, 2))
            else:
                named[name.replace("vision_tower.", "vision_tower.vision_model.", family in _TOWERS)] = one
        mx.save_safetensors(str(path), named, {"format": "pt"})


def _say_as_published(family: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings in the words of transformers 4: ``rope_theta`` by itself, and the type by its old name."""
    said = {name: _say_as_published("", one) if isinstance(one, dict) else one for name, one in settings.items()}
    rope = said.get("rope_parameters") or {}
    if "rope_theta" in rope:
        said["rope_theta"] = rope["rope_theta"]
    if "mrope_section" in rope:
        said["rope_scaling"] = {"type": "mrope", "mrope_section": rope["mrope_section"]}
    if "dtype" in said:
        said["torch_dtype"] = said["dtype"]
    if family in _CLASSES:
        said["model_type"] = family
    if "num_local_experts" in said and "moe_intermediate_size" in said:
        said["num_experts"] = said.pop("num_local_experts")
    if family.startswith("qwen"):
        said["vision_config"]["model_type"] = family
    if family in _FLAT:
        said = said.pop("text_config") | said
    return said


def _plain(value: Any) -> Any:
    """A copy, for transformers changes what it is given."""
    return {name: _plain(one) for name, one in value.items()} if isinstance(value, Mapping) else value
