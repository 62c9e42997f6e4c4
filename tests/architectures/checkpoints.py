"""Write a tiny random checkpoint of any architecture, named and shaped as the repos of its kind are."""

from __future__ import annotations

import copy
import json
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from samples.tiny import write_tiny_tokenizer

from architectures.dense import DENSE
from architectures.experts import EXPERT_MODELS
from architectures.latent import LATENT_MODELS
from architectures.layouts import Spec, Specs
from architectures.nested import NESTED
from architectures.packed import PACKED
from architectures.recurrent import RECURRENT
from architectures.tiny import Tiny
from mlx_convert_core.plugin import ShardWriter, TensorInfo

# By model type; those in PACKED have names of their own.
TINY: dict[str, Tiny] = DENSE | EXPERT_MODELS | LATENT_MODELS | RECURRENT | NESTED
SHARDS = 2  # so that what belongs together is found in different files
# Trained in float32 whatever the rest is in, and published so.
FLOAT32 = ("A_log", "e_score_correction_bias", "expert_bias", "router_bias", "signs")
_EMBEDDINGS = re.compile(r"embed\w*\.weight$")
_INTEGERS = {"U8": np.uint8, "I8": np.int8, "F8_E4M3": np.uint8, "F8_E8M0": np.uint8, "I32": np.int32, "U32": np.uint32}
_TYPES = {"uint8": "U8", "uint32": "U32", "float16": "F16"}  # what a class insists on; the rest is as stored


def write_tiny(folder: Path, model_type: str) -> Path:
    """Write the checkpoint ``model_type`` (a key of `TINY` or `PACKED`) into ``folder``; the same bytes every time."""
    folder.mkdir(parents=True)
    config = tiny_config(model_type)
    _write_json(folder / "config.json", config)
    write_tiny_tokenizer(folder)
    tensors = tuple(_sharded(sorted(source_specs(model_type).items())))
    numbers = np.random.default_rng(zlib.crc32(model_type.encode()))
    content = {tensor.name: _values(tensor, numbers).tobytes() for tensor in tensors}
    for tensor in tensors:
        said = tensor.name.replace("weight_packed", "weight_shape")
        if said != tensor.name and said in content:  # of values of four bits
            content[said] = np.array([tensor.shape[0], tensor.shape[1] * 8], np.int32).tobytes()
    if config.get("tie_word_embeddings"):  # a head that is there all the same is the embeddings once more
        embeddings = next((values for name, values in content.items() if _EMBEDDINGS.search(name)), b"")
        content |= {name: embeddings for name in content if name == "lm_head.weight"}
    with ShardWriter(folder, tensors, {"format": "pt"}) as writer:
        for tensor in tensors:
            writer.write(tensor.name, content[tensor.name])
    index = {"metadata": {}, "weight_map": {tensor.name: tensor.shard for tensor in tensors}}
    _write_json(folder / "model.safetensors.index.json", index)
    return folder


def tiny_config(model_type: str) -> dict[str, Any]:
    """The config.json of a tiny model."""
    model = (TINY | PACKED)[model_type]
    config = {"model_type": model_type, **copy.deepcopy(model.config)}
    if model.cast and "text_config" not in config:
        config["torch_dtype"] = model.cast
    return config


def source_specs(model_type: str) -> Specs:
    """The tensors of a repo of this architecture."""
    model = (TINY | PACKED)[model_type]
    specs = mlx_specs(model_type)
    for rule in model.rules:
        specs = rule(specs)
    return {name: Spec(spec.shape, _stored(name, spec, model)) for name, spec in specs.items()}


def mlx_specs(model_type: str) -> Specs:
    """The tensors of the MLX model."""
    from mlx.utils import tree_flatten

    return {
        name: Spec(tuple(array.shape), _TYPES.get(str(array.dtype).rsplit(".", 1)[-1], "BF16"))
        for name, array in tree_flatten(build(model_type).parameters())
    }


def build(model_type: str) -> Any:
    """The MLX model, not quantized, with numbers of its own."""
    from mlx_lm.utils import _decode_tagged_floats, _get_classes

    config = _decode_tagged_floats(tiny_config(model_type))
    model, arguments = _get_classes(config)
    return model(arguments.from_dict(config))


def _stored(name: str, spec: Spec, model: Tiny) -> str:
    if spec.dtype != "BF16":
        return spec.dtype
    return "F32" if name.endswith(FLOAT32) else model.stored


def _sharded(specs: Iterable[tuple[str, Spec]]) -> Iterable[TensorInfo]:
    for number, (name, spec) in enumerate(specs):
        shard = f"model-{number % SHARDS + 1:05d}-of-{SHARDS:05d}.safetensors"
        yield TensorInfo(name=name, dtype=spec.dtype, shape=spec.shape, shard=shard)


def _values(tensor: TensorInfo, numbers: np.random.Generator) -> np.ndarray[Any, Any]:
    if tensor.dtype in _INTEGERS:
        kind = _INTEGERS[tensor.dtype]
        # Scales are powers of two around 2**-7; other bytes are packed values, and none is a NaN of eight bits.
        scales = tensor.dtype in ("U8", "F8_E8M0") and "scale" in tensor.name
        low, high = (118, 123) if scales else (0, 120 if kind is np.uint8 else np.iinfo(kind).max)
        return numbers.integers(low, high, tensor.shape, dtype=kind)
    values = numbers.standard_normal(tensor.shape, dtype=np.float32) * np.float32(0.05)
    if "norm" in tensor.name and tensor.name.endswith("weight"):
        values += np.float32(1)
    if tensor.name.endswith("signs"):
        values = np.sign(values)
    if tensor.dtype == "F32":
        return values
    return values.astype(np.float16) if tensor.dtype == "F16" else (values.view(np.uint32) >> 16).astype(np.uint16)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")
