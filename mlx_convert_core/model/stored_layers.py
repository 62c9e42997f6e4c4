"""What is stored of each layer of an MLX model: in how many bits, and in how many bytes. Told from file headers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.model.quantization import bits_per_weight
from mlx_convert_core.model.safetensors import DTYPE_BITS, TensorInfo

_PARTS = (".scales", ".biases")  # what is stored beside the packed values of a layer
_NAMED = 6  # blocks that are named one by one
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLayer:
    """A tensor as it is stored, with the scales of its values: ``bits`` of each, ``values`` of them, ``nbytes`` in all.

    ``path`` is the module's path of a quantized layer, and the tensor's name of any other; ``format`` says how, as
    ``4 bit, group 64`` or ``bfloat16``. A ``vector`` (a norm, a bias) has one dimension.
    """

    path: str
    bits: int
    format: str
    values: int
    nbytes: int
    vector: bool = False
    quantized: bool = False

    @property
    def bits_per_weight(self) -> float:
        """Bits for each value, scales included."""
        return bits_per_weight(self.nbytes, self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """The layers of one kind, block by block: ``name`` has a ``*`` where the number of the block is.

    ``blocks`` are their numbers, None for a layer that stands alone; ``bits`` what a value has there, alike in order.
    """

    name: str
    blocks: tuple[int | None, ...]
    bits: tuple[int, ...]
    formats: tuple[str, ...]
    nbytes: int

    @property
    def words(self) -> str:
        """``4 bit, group 64 in 26 blocks; 6 bit, group 64 in 0, 1, 28, 29``."""
        counted = Counter(self.formats)
        if len(counted) == 1:
            return self.formats[0]
        (usual, _), *others = counted.most_common()
        told = [f"{usual} in {counted[usual]:,} blocks"]
        return "; ".join(told + [f"{name} in {self._places(name)}" for name, _ in others])

    def _places(self, name: str) -> str:
        places = [str(block) for block, one in zip(self.blocks, self.formats, strict=True) if one == name]
        return ", ".join(places) if len(places) <= _NAMED else f"{len(places):,} blocks"


def stored_layers(tensors: Iterable[TensorInfo], config: Mapping[str, Any]) -> tuple[StoredLayer, ...]:
    """Every layer, in the order of its first tensor. Whatever ``config`` says that makes no sense counts as nothing."""
    known = {tensor.name: tensor for tensor in tensors}
    found = config.get("quantization")
    quantization = found if isinstance(found, dict) else {}
    return tuple(_layers(known, quantization))


def layer_rows(layers: Iterable[StoredLayer]) -> tuple[LayerRow, ...]:
    """The layers that are matrices, those of a kind in a row; of several in one block (experts) the first counts."""
    rows: dict[str, dict[int | None, StoredLayer]] = {}
    sizes: Counter[str] = Counter()
    for layer in layers:
        if layer.vector:
            continue
        name, block = _place(layer.path)
        rows.setdefault(name, {}).setdefault(block, layer)
        sizes[name] += layer.nbytes
    return tuple(_row(name, blocks, sizes[name]) for name, blocks in rows.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """What the layers of a kind, named as in `LayerRow`, were measured to make: ``errors`` in each of ``blocks``."""

    name: str
    blocks: tuple[int | None, ...]
    errors: tuple[float, ...]

    @property
    def error(self) -> float:
        """Their sum."""
        return sum(self.errors)

    @property
    def worst(self) -> int | None:
        """The block of the largest, None for a layer that stands alone."""
        return self.blocks[max(range(len(self.errors)), key=self.errors.__getitem__)]


def error_rows(errors: Mapping[str, float]) -> tuple[ErrorRow, ...]:
    """``errors`` by the paths of layers, those of a kind in a row, the row with the largest sum first."""
    rows: dict[str, dict[int | None, float]] = {}
    for path, error in errors.items():
        name, block = _place(path)
        row = rows.setdefault(name, {})
        row[block] = row.get(block, 0.0) + error
    found = [ErrorRow(name=name, blocks=tuple(row), errors=tuple(row.values())) for name, row in rows.items()]
    return tuple(sorted(found, key=lambda row: (-row.error, row.name)))


def _place(path: str) -> tuple[str, int | None]:
    """The kind of the layer at ``path``, as a row is named, and the block that it is in."""
    number = _NUMBER.search(path)
    return _NUMBER.sub("*", path), int(number[0]) if number else None


def _row(name: str, found: Mapping[int | None, StoredLayer], nbytes: int) -> LayerRow:
    blocks = sorted(found, key=lambda block: -1 if block is None else block)
    return LayerRow(
        name=name,
        blocks=tuple(blocks),
        bits=tuple(found[block].bits for block in blocks),
        formats=tuple(found[block].format for block in blocks),
        nbytes=nbytes,
    )


def _layers(known: Mapping[str, TensorInfo], quantization: Mapping[str, Any]) -> Iterator[StoredLayer]:
    for tensor in known.values():
        name, path = tensor.name, tensor.name.removesuffix(".weight")
        if name.endswith(_PARTS) and _packed(known, quantization, name.rsplit(".", 1)[0]):
            continue
        numbers = _packed(known, quantization, path)
        bits = bits_of(numbers.get("bits"))
        beside = [known[path + part] for part in _PARTS if path + part in known] if bits else []
        yield StoredLayer(
            path=path if bits else name,
            bits=bits or DTYPE_BITS[tensor.dtype],
            format=_format(numbers, bits) if bits else _TYPES.get(tensor.dtype, tensor.dtype),
            values=tensor.parameters * 32 // bits if bits else tensor.parameters,
            nbytes=tensor.nbytes + sum(part.nbytes for part in beside),
            vector=len(tensor.shape) < 2,
            quantized=bool(bits),
        )


def _packed(known: Mapping[str, TensorInfo], quantization: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The numbers that the layer at ``path`` is packed with, {} for one that is not."""
    own = quantization.get(path)
    numbers = own if isinstance(own, dict) else quantization
    return numbers if f"{path}.scales" in known and bits_of(numbers.get("bits")) else {}


_TYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}


def _format(numbers: Mapping[str, Any], bits: int) -> str:
    mode, group = numbers.get("mode"), numbers.get("group_size")
    if isinstance(mode, str) and mode not in ("affine", ""):
        return mode
    return f"{bits} bit, group {group}" if type(group) is int else f"{bits} bit"


def bits_of(value: Any) -> int:
    """Bits of a packed value, 0 for what is no such number."""
    return value if type(value) is int and 0 < value <= 32 else 0
