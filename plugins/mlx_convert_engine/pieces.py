"""What one output tensor is made of, and how: the units that `stream.py` carries out.

A tensor whose rows come straight from the source is read in slices, so that even a huge embedding or a
stack of experts passes through little by little; any other that a model class makes is computed whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlx_convert_core.plugin import Quantization, TensorInfo
from mlx_convert_engine.tuning.rounding import LayerRounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """The bytes of ``sources``, unchanged and one after the other, as the tensor ``name``."""

    name: str
    sources: tuple[TensorInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantized:
    """The rows (``width`` values each) of ``sources``, cast to ``dtype`` (None: as they are) and quantized by
    ``rounding``, as the tensors ``names`` in MLX's order: weight, scales and, for affine, biases."""

    names: tuple[str, ...]
    sources: tuple[TensorInfo, ...]
    width: int
    dtype: Any
    quantization: Quantization
    rounding: LayerRounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The values of ``sources`` in another ``dtype``, as the tensor ``name``."""

    name: str
    sources: tuple[TensorInfo, ...]
    dtype: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounded:
    """The tensors ``names`` of a `Computed` piece that its class quantizes by rows: made by ``rounding`` of ``weight``,
    a lazy array in the type of the output, when there is something to go by."""

    names: tuple[str, ...]
    weight: Any
    quantization: Quantization
    rounding: LayerRounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """Lazy arrays, by the names of the tensors that they become, and the shards behind them (None: unknown).

    ``sources`` are the names of the source tensors that are known to go into them.
    ``plain`` are the arrays before they are cast or packed, by the name of the tensor that each counts for;
    ``quantization`` is what packs them, if anything does.
    """

    tensors: tuple[tuple[str, Any], ...]
    shards: frozenset[str] | None
    sources: frozenset[str] = frozenset()
    plain: dict[str, Any] = field(default_factory=dict)
    rounded: Rounded | None = None
    quantization: Quantization | None = None


Piece = Copied | Quantized | Cast | Computed


def names_of(piece: Piece) -> tuple[str, ...]:
    """The output tensors that a piece makes."""
    if isinstance(piece, Quantized):
        return piece.names
    if isinstance(piece, Computed):
        return tuple(name for name, _ in piece.tensors)
    return (piece.name,)


def sources_of(piece: Piece) -> frozenset[str]:
    """The names of the source tensors that are known to go into a piece."""
    return piece.sources if isinstance(piece, Computed) else frozenset(source.name for source in piece.sources)


def shards_of(piece: Piece) -> frozenset[str] | None:
    """The source files that a piece is made from; None when nobody can tell."""
    if isinstance(piece, Computed):
        return piece.shards
    return frozenset(shard for source in piece.sources for shard in source.shards)
