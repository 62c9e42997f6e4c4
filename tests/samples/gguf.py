"""GGUF files written by the gguf library from the tiny llama, with whatever a test wants different."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlx_convert_core.testing import CHAT_TEMPLATE, HEADS, KEY_VALUE_HEADS, SPECIAL
from samples.tiny import tiny_config, tiny_shapes, write_tiny_tokenizer

Values = dict[str, npt.NDArray[np.float32]]
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def llama_values(shapes: Sequence[tuple[str, tuple[int, ...]]] | None = None) -> Values:
    """Random weights by their names in a checkpoint, each one exact in bfloat16 and float16."""
    numbers = np.random.default_rng(seed=5)
    return {
        name: (numbers.integers(-60, 60, shape) / 512).astype(np.float32) for name, shape in shapes or tiny_shapes()
    }


def llama_metadata(**config: Any) -> dict[str, Any]:
    """The metadata of the tiny llama; ``config`` replaces fields of its config.json."""
    numbers = tiny_config() | config
    return {
        "general.architecture": "llama",
        "general.name": "Tiny Llama",
        "general.license": "mit",
        "llama.block_count": numbers["num_hidden_layers"],
        "llama.context_length": numbers["max_position_embeddings"],
        "llama.embedding_length": numbers["hidden_size"],
        "llama.feed_forward_length": numbers["intermediate_size"],
        "llama.attention.head_count": numbers["num_attention_heads"],
        "llama.attention.head_count_kv": numbers["num_key_value_heads"],
        "llama.attention.layer_norm_rms_epsilon": numbers["rms_norm_eps"],
        "llama.rope.freq_base": numbers["rope_theta"],
    }


def byte_level_metadata(folder: Path, pre: str = "gpt-2") -> dict[str, Any]:
    """The metadata of the tiny byte-level tokenizer, which is trained into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tiny_tokenizer(folder)
    model = json.loads((folder / "tokenizer.json").read_bytes())["model"]
    tokens = sorted(model["vocab"], key=lambda token: model["vocab"][token])
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3 if token in SPECIAL else 1 for token in tokens],
        "tokenizer.ggml.merges": [" ".join(pair) for pair in model["merges"]],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }


def write_llama_gguf(
    path: Path,
    *,
    values: Values | None = None,
    kind: str = "F16",
    metadata: Mapping[str, Any] | None = None,
    heads: tuple[int, int] = (HEADS, KEY_VALUE_HEADS),
) -> Path:
    """Write a GGUF file; ``metadata`` is laid over the tiny llama's, and None there leaves a field out."""
    fields = llama_metadata() | byte_level_metadata(path.parent / f"{path.name}.tokenizer") | dict(metadata or {})
    tensors = {gguf_name(name): permuted(name, array, heads) for name, array in (values or llama_values()).items()}
    return write_gguf(path, fields, tensors, kind)


def write_gguf(path: Path, metadata: Mapping[str, Any], tensors: Mapping[str, Any], kind: str = "F16") -> Path:
    """Write fields and tensors as they are; matrices are stored as ``kind`` where it fits, the rest as F32."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter
    from gguf.quants import quantize

    writer = GGUFWriter(path, arch=str(metadata.get("general.architecture", "llama")))
    for key, value in metadata.items():
        if key != "general.architecture" and value is not None:
            add_field(writer, key, value)
    for name, array in tensors.items():
        whole = array.ndim > 1 and array.shape[-1] % GGML_QUANT_SIZES[GGMLQuantizationType[kind]][0] == 0
        stored = GGMLQuantizationType[kind] if whole else GGMLQuantizationType.F32
        writer.add_tensor(name, quantize(array, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def gguf_name(name: str) -> str:
    """Return what llama.cpp calls the tensor ``name`` of a checkpoint."""
    stem, _, end = name.rpartition(".")
    if stem in NAMES:
        return f"{NAMES[stem]}.{end}"
    _, _, layer, inner = stem.split(".", 3)
    return f"blk.{layer}.{NAMES[inner]}.{end}"


def permuted(name: str, array: npt.NDArray[np.float32], heads: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Interleave the halves of each head of q and k, as llama.cpp's own converter does."""
    count = heads[0] if "q_proj" in name else heads[1] if "k_proj" in name else 0
    if not count:
        return array
    rows = array.shape[0]
    return array.reshape(count, 2, rows // count // 2, -1).swapaxes(1, 2).reshape(array.shape)


def add_field(writer: Any, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, value)
