"""Whether two converted folders are the same to everything that reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlx_convert_lm.config.families import IN_OTHER_WORDS
from mlx_convert_lm.config.normal import DEFAULTS

from mlx_convert_core.plugin import TensorInfo, read_header

_QUANTIZATION = ("quantization", "quantization_config")
_DEFAULT = {"group_size": 64, "bits": 4, "mode": "affine"}  # of MLX's layers, for what config.json leaves out
# What our config.json may say where the source leaves it to each reader's own default.
_SAID = {
    "tie_word_embeddings", "head_dim", "rope_theta", "rope_scaling", "rope_parameters", "partial_rotary_factor",
    "rope_local_base_freq", "position_embedding_type",
}  # fmt: skip
for _part in json.loads(DEFAULTS.read_text()).values():
    _SAID.update(name for fields in _part.values() for name in fields)
_SAID.update(name for fields in IN_OTHER_WORDS.values() for name in fields)
_INDEX = "model.safetensors.index.json"


def differences(reference: Path, ours: Path, *, dtype: str = "") -> list[str]:
    """What differs; empty for equal folders. ``dtype`` was asked for, and may be named in our config.json."""
    return [*_in_weights(reference, ours), *_in_index(reference, ours), *_in_config(reference, ours, dtype)]


def _in_weights(reference: Path, ours: Path) -> Iterator[str]:
    theirs, mine = _tensors(reference), _tensors(ours)
    if theirs.keys() != mine.keys():
        missing, extra = sorted(theirs.keys() - mine.keys()), sorted(mine.keys() - theirs.keys())
        yield f"tensors: missing {missing[:3]}, extra {extra[:3]}"
    for name in sorted(theirs.keys() & mine.keys()):
        (wanted, their_bytes), (got, my_bytes) = theirs[name], mine[name]
        if (wanted.dtype, wanted.shape, wanted.shard) != (got.dtype, got.shape, got.shard):
            yield f"{name}: {got.dtype} {got.shape} in {got.shard}, not {wanted.dtype} {wanted.shape} in {wanted.shard}"
        elif their_bytes != my_bytes:
            yield f"{name}: other bytes"


def _tensors(folder: Path) -> dict[str, tuple[TensorInfo, bytes]]:
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        content = path.read_bytes()
        for tensor in read_header(path):
            info = TensorInfo(name=tensor.name, dtype=tensor.dtype, shape=tensor.shape, shard=path.name)
            found[tensor.name] = info, content[tensor.start : tensor.end]
    return found


def _in_index(reference: Path, ours: Path) -> Iterator[str]:
    wanted, got = _json(reference / _INDEX), _json(ours / _INDEX)
    for key in sorted(wanted.keys() | got.keys()):
        if wanted.get(key) != got.get(key):
            yield f"index: {key} is {str(got.get(key))[:80]}, not {str(wanted.get(key))[:80]}"


def _in_config(reference: Path, ours: Path, dtype: str) -> Iterator[str]:
    wanted, got = _json(reference / "config.json"), _json(ours / "config.json")
    yield from _in_quantization_config(wanted, got)
    tensors = _tensors(ours)
    for path in sorted(name.removesuffix(".scales") for name in tensors if name.endswith(".scales")):
        numbers, others = _numbers(wanted, path), _numbers(got, path)
        if numbers != others and not (_unnamed(wanted, path) and _fits(others, path, tensors)):
            yield f"config: {path} is read as {others}, not {numbers}"
    for key in sorted((wanted.keys() | got.keys()) - set(_QUANTIZATION)):
        asked_for = dtype and key in ("torch_dtype", "dtype") and got.get(key) == dtype
        if not _same_or_said(key, wanted.get(key), got.get(key)) and not asked_for:
            yield f"config: {key} is {str(got.get(key))[:80]}, not {str(wanted.get(key))[:80]}"


def _same_or_said(key: str, wanted: Any, got: Any) -> bool:
    """Whether an entry is the same, or says what the source left to each reader's own default."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return all(_same_or_said(one, wanted.get(one), got.get(one)) for one in wanted.keys() | got.keys())
    return bool(wanted == got or (wanted is None and key in _SAID))


def _in_quantization_config(wanted: dict[str, Any], got: dict[str, Any]) -> Iterator[str]:
    if "quantization" in got:
        if got["quantization"] != got.get("quantization_config"):
            yield "config: quantization and quantization_config are not the same"
        return
    kept = wanted.get("quantization_config")
    # mlx_lm.convert leaves the word fp8 over weights that it has expanded.
    expanded = isinstance(kept, dict) and kept.get("quant_method") == "fp8" and "quantization_config" not in got
    if kept != got.get("quantization_config") and not expanded:
        yield f"config: quantization_config is {got.get('quantization_config')}, not {kept}"


def _numbers(config: dict[str, Any], path: str) -> dict[str, Any] | None:
    """A layer's quantization as a reader of config.json understands it."""
    quantization = config.get("quantization")
    if not isinstance(quantization, dict):
        return None
    own = quantization.get(path)
    read = own if isinstance(own, dict) else quantization
    return _DEFAULT | {key: read[key] for key in _DEFAULT if read.get(key) is not None}


def _unnamed(config: dict[str, Any], path: str) -> bool:
    """Whether mlx-lm infers this layer's numbers from its tensors; other readers can't."""
    return path not in (config.get("quantization") or {})


def _fits(numbers: dict[str, Any] | None, path: str, tensors: dict[str, tuple[TensorInfo, bytes]]) -> bool:
    """Whether a layer's tensors have the types and widths that ``numbers`` give them."""
    weight, scales = (tensors[f"{path}.{leaf}"][0] for leaf in ("weight", "scales"))
    if numbers is None or (numbers["mode"] == "affine") != (scales.dtype != "U8"):
        return False
    return bool(weight.shape[-1] * 32 // numbers["bits"] == scales.shape[-1] * numbers["group_size"])


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content
