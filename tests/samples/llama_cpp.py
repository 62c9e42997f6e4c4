"""Writes the GGUF file that llama.cpp's converter makes of a checkpoint in Hugging Face's layout.

Names come from the maps in the gguf library; fields and what is done to values, from what the converter does
(https://github.com/ggml-org/llama.cpp/tree/master/conversion). Nothing here knows the plugin's tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import mlx.core as mx
import numpy as np

from samples.gguf import Values, byte_level_metadata, write_gguf

Config = dict[str, Any]
_LEFT_OUT = re.compile(r"rotary_emb|\.attn\.(masked_)?bias$")
_EXPERT = re.compile(r"(.*)\.experts\.(\d+)\.(\w+)\.weight")
_FIELDS = {
    "block_count": ("num_hidden_layers", "n_layer"),
    "context_length": ("max_position_embeddings", "n_ctx"),
    "embedding_length": ("hidden_size", "n_embd"),
    "feed_forward_length": ("intermediate_size", "block_ff_dim", "n_inner"),
    "attention.head_count": ("num_attention_heads", "n_head"),
    "attention.head_count_kv": ("num_key_value_heads",),
    "attention.key_length": ("head_dim",),
    "attention.value_length": ("head_dim",),
    "attention.layer_norm_rms_epsilon": ("rms_norm_eps", "norm_eps"),
    "attention.layer_norm_epsilon": ("layer_norm_eps", "norm_epsilon", "layer_norm_epsilon"),
    "attention.sliding_window": ("sliding_window",),
    "rope.freq_base": ("rope_theta",),
    "expert_count": ("num_local_experts", "num_experts", "n_routed_experts"),
    "expert_used_count": ("num_experts_per_tok",),
    "expert_feed_forward_length": ("moe_intermediate_size",),
    "expert_shared_feed_forward_length": ("shared_expert_intermediate_size",),
}


def values_of(checkpoint: Path) -> Values:
    """The checkpoint's tensors as float32, those that are the same in every model left out.

    What gpt-oss packs as MXFP4 is unpacked, for the gguf library packs it again.
    """
    found: dict[str, mx.array] = {}
    for shard in checkpoint.glob("*.safetensors"):
        loaded = mx.load(str(shard))
        assert isinstance(loaded, dict)
        found |= loaded
    for name in [name for name in found if name.endswith("_blocks")]:
        blocks, scales = found.pop(name), found.pop(name.replace("_blocks", "_scales"))
        plain = mx.dequantize(blocks.view(mx.uint32).flatten(-2), scales, group_size=32, bits=4, mode="mxfp4")
        found[name.replace("_blocks", ".weight")] = plain
    return {name: np.array(array.astype(mx.float32)) for name, array in found.items() if not _LEFT_OUT.search(name)}


def gguf_of(checkpoint: Path, path: Path, architecture: str, kind: str = "F32") -> Path:
    """Write the file of a checkpoint; matrices are stored as ``kind``."""
    config = json.loads((checkpoint / "config.json").read_bytes())
    metadata = byte_level_metadata(path.parent / f"{path.name}.tokenizer") | fields_of(config, architecture)
    return write_gguf(path, metadata, tensors_of(values_of(checkpoint), config, architecture), kind)


def fields_of(config: Config, architecture: str) -> Config:
    """The fields about the architecture."""
    found = {name: next((config[key] for key in keys if config.get(key)), None) for name, keys in _FIELDS.items()}
    fields = {name: value for name, value in found.items() if value is not None}
    fields |= _MORE_FIELDS.get(architecture, lambda config: {})(config)
    return {"general.architecture": architecture, **{f"{architecture}.{name}": value for name, value in fields.items()}}


def tensors_of(values: Values, config: Config, architecture: str) -> Values:
    """The tensors of the file, by their names there."""
    layers = config.get("num_hidden_layers") or config["n_layer"]
    kind = next(kind for kind, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    names = gguf.get_tensor_name_map(kind, layers)
    changed = stacked(values)
    for change in _CHANGES.get(architecture, ()):
        changed = change(changed, config)
    if config.get("tie_word_embeddings"):
        changed.pop("lm_head.weight", None)
    found = {}
    for name, array in changed.items():
        known = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert known is not None, name
        found[known] = array.squeeze()
    return found | _vectors(config)


def stacked(values: Values) -> Values:
    """One tensor of all experts of a layer, for each of their matrices."""
    found: Values = {}
    stacks: dict[str, list[Any]] = {}
    for name in sorted(values, key=_in_order):
        array = values[name]
        expert = _EXPERT.fullmatch(name)
        if expert is None:
            found[name] = array
            continue
        place = f"{expert[1]}.experts.{expert[3]}.weight"
        stacks.setdefault(re.sub(r"^model\.(.*)\.block_sparse_moe\.", r"\1.feed_forward.", place), []).append(array)
    return found | {name: np.stack(arrays) for name, arrays in stacks.items()}


def _in_order(name: str) -> list[tuple[int, str]]:
    """The tenth expert after the ninth."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]


def permuted(values: Values, config: Config) -> Values:
    """The halves of each head of queries and keys interleaved."""
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}

    def turned(name: str, array: Any) -> Any:
        count = heads.get(name.split(".")[-2])
        if count is None:
            return array
        return array.reshape(count, 2, len(array) // count // 2, -1).swapaxes(1, 2).reshape(array.shape)

    return {name: turned(name, array) for name, array in values.items()}


def norms_plus_one(values: Values, config: Config) -> Values:
    """What is added to the norms of a Gemma, added once."""
    return {name: array + 1 if name.endswith("norm.weight") else array for name, array in values.items()}


def squeezed(values: Values, config: Config) -> Values:
    """Convolutions as matrices."""
    return {name: array.squeeze(1) if "conv.conv" in name else array for name, array in values.items()}


def head_norms_stacked(values: Values, config: Config) -> Values:
    """StableLM's norm of each head, as rows of one tensor."""
    found: Values = {}
    stacks: dict[str, dict[int, Any]] = {}
    for name, array in values.items():
        one = re.fullmatch(r"(.*layernorm)\.norms\.(\d+)\.weight", name)
        if one is None:
            found[name] = array
        else:
            stacks.setdefault(f"{one[1]}.weight", {})[int(one[2])] = array
    return found | {name: np.stack([rows[row] for row in sorted(rows)]) for name, rows in stacks.items()}


def transposed(values: Values, config: Config) -> Values:
    """GPT-2's linear layers with outputs first."""
    return {
        name: array.T if re.search(r"\.c_(attn|proj|fc)\.weight", name) else array for name, array in values.items()
    }


def latent_in_two(values: Values, config: Config) -> Values:
    """DeepSeek's kv_b_proj as two tensors of a matrix for each head, the keys' transposed."""
    found: Values = {}
    heads, keys = config["num_attention_heads"], config["qk_nope_head_dim"]
    for name, array in values.items():
        if not name.endswith("kv_b_proj.weight"):
            found[name] = array
            continue
        by_head = array.reshape(heads, -1, array.shape[1])
        found[name.replace("kv_b_proj", "k_b_proj")] = by_head[:, :keys].swapaxes(1, 2)
        found[name.replace("kv_b_proj", "v_b_proj")] = by_head[:, keys:]
    return found


def bias_named(values: Values, config: Config) -> Values:
    """What corrects the choice of experts, as the bias of something."""
    return {name.replace("e_score_correction_bias", "e_score_correction.bias"): array for name, array in values.items()}


def harmony(values: Values, config: Config) -> Values:
    """gpt-oss: gate and up in turn become two tensors."""
    found: Values = {}
    for name, array in values.items():
        place, _, leaf = name.partition(".gate_up_proj")
        if leaf == "_bias":
            found |= {f"{place}.{half}_proj.bias": array[:, start::2] for start, half in enumerate(("gate", "up"))}
        elif leaf == ".weight":
            found |= {f"{place}.{half}_proj.weight": array[:, start::2] for start, half in enumerate(("gate", "up"))}
        else:
            found[re.sub("sinks$", "sinks.weight", name).replace("down_proj_bias", "down_proj.bias")] = array
    return found


Change = Callable[[Values, Config], Values]
_CHANGES: dict[str, tuple[Change, ...]] = {
    "llama": (permuted,),
    "granite": (permuted,),
    "gemma": (norms_plus_one,),
    "gemma2": (norms_plus_one,),
    "gemma3": (norms_plus_one,),
    "lfm2": (squeezed,),
    "stablelm": (head_norms_stacked,),
    "gpt2": (transposed,),
    "gpt-oss": (harmony,),
    "deepseek2": (latent_in_two, bias_named),
}


def _partial_rope(config: Config) -> Config:
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    return {"rope.dimension_count": int(config.get("partial_rotary_factor", 1.0) * head)}


def _phi3(config: Config) -> Config:
    return _partial_rope(config) | {
        "rope.scaling.original_context_length": config["original_max_position_embeddings"],
        "rope.scaling.attn_factor": 1.0,
        "attention.sliding_window": config.get("sliding_window") or 0,
    }


def _gpt_oss(config: Config) -> Config:
    scaling = config.get("rope_scaling") or {}
    stretched = scaling and {
        "rope.scaling.type": "yarn",
        "rope.scaling.factor": scaling["factor"],
        "rope.scaling.original_context_length": scaling["original_max_position_embeddings"],
        "rope.scaling.yarn_beta_fast": scaling["beta_fast"],
        "rope.scaling.yarn_beta_slow": scaling["beta_slow"],
    }
    return {"expert_feed_forward_length": config["intermediate_size"], **stretched}


def _deepseek2(config: Config) -> Config:
    latent, turned = config["kv_lora_rank"], config["qk_rope_head_dim"]
    scaling = config.get("rope_scaling") or {}
    stretched = scaling and {
        "rope.scaling.type": "yarn",
        "rope.scaling.factor": scaling["factor"],
        "rope.scaling.original_context_length": scaling["original_max_position_embeddings"],
        "rope.scaling.yarn_beta_fast": scaling["beta_fast"],
        "rope.scaling.yarn_beta_slow": scaling["beta_slow"],
        "rope.scaling.yarn_log_multiplier": 0.1 * scaling["mscale_all_dim"],
    }
    return {
        "leading_dense_block_count": config["first_k_dense_replace"],
        "attention.head_count_kv": 1,
        "attention.q_lora_rank": config["q_lora_rank"],
        "attention.kv_lora_rank": latent,
        "attention.key_length": latent + turned,
        "attention.value_length": latent,
        "attention.key_length_mla": config["qk_nope_head_dim"] + turned,
        "attention.value_length_mla": config["v_head_dim"],
        "expert_shared_count": config["n_shared_experts"],
        "expert_weights_scale": config["routed_scaling_factor"],
        "expert_weights_norm": config["norm_topk_prob"],
        "expert_gating_func": 2 if config.get("scoring_func") == "sigmoid" else 1,
        "rope.dimension_count": turned,
        **stretched,
    }


_MORE_FIELDS: dict[str, Callable[[Config], Config]] = {
    "phi3": _phi3,
    "glm4": _partial_rope,
    "llama": _partial_rope,
    "stablelm": lambda config: (
        _partial_rope(config) | {"use_parallel_residual": config.get("use_parallel_residual", False)}
    ),
    "gemma2": lambda config: {
        "attn_logit_softcapping": config["attn_logit_softcapping"],
        "final_logit_softcapping": config["final_logit_softcapping"],
    },
    "granite": lambda config: {
        "attention.scale": config["attention_multiplier"],
        "embedding_scale": config["embedding_multiplier"],
        "residual_scale": config["residual_multiplier"],
        "logit_scale": config["logits_scaling"],
        "rope.dimension_count": config["hidden_size"] // config["num_attention_heads"],
    },
    "deepseek2": _deepseek2,
    "olmo2": lambda config: {
        "attention.sliding_window_pattern": [kind == "sliding_attention" for kind in config.get("layer_types", ())]
        or None
    },
    "gpt-oss": _gpt_oss,
    "gpt2": lambda config: {"feed_forward_length": 4 * config["n_embd"]},
    "lfm2": lambda config: {
        "attention.head_count_kv": [
            0 if kind == "conv" else config["num_key_value_heads"] for kind in config["layer_types"]
        ],
        "shortconv.l_cache": config["conv_L_cache"],
    },
}


def _vectors(config: Config) -> Values:
    """The factors that some stretch positions by."""
    scaling = config.get("rope_scaling") or {}
    kinds = {"rope_factors_short.weight": "short_factor", "rope_factors_long.weight": "long_factor"}
    return {name: np.array(scaling[key], np.float32) for name, key in kinds.items() if key in scaling}
