"""bitsandbytes: 4 bits that point into a table (nf4, fp4), or 8 with a scale for each output.

The values of a 4-bit weight lie flat, two in a byte, the first in the upper half; each block of them has an absmax to
multiply by, which with "double quant" is itself 8 bits that point into a table, times a factor for each block of those,
plus an offset. A small JSON text beside the weight (quant_state) has its shape and block sizes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mlx_convert_core.plugin import Claims, CorruptCheckpoint, DecodedTensor, ModelInfo, StoredTensors, TensorInfo
from mlx_convert_engine.unpacking.before import quantized_before, said_dtype
from mlx_convert_engine.unpacking.flat_shapes import check_shape, shape_by_config, small_bytes
from mlx_convert_engine.unpacking.reading import rows, values, whole

Array = Any  # of numpy
_STATE = ".quant_state.bitsandbytes__"
_STEPS = 127  # of an 8-bit value at the largest of its row
_MOST_BYTES = 1 << 16  # of a quant_state, which has some hundred


@dataclass(frozen=True, slots=True, kw_only=True)
class _Four:
    """A weight in 4 bits; ``outer`` are the table and the factors of an absmax that is quantized itself."""

    codes: TensorInfo
    absmax: TensorInfo
    table: TensorInfo
    state: TensorInfo
    outer: tuple[TensorInfo, TensorInfo] | None

    @property
    def parts(self) -> tuple[TensorInfo, ...]:
        return (self.codes, self.absmax, self.table, self.state, *(self.outer or ()))


@dataclass(frozen=True, slots=True)
class _State:
    """What a quant_state says."""

    shape: tuple[int, ...]
    block: int
    outer_block: int
    offset: float


class BitsAndBytes:
    """Shows weights of bitsandbytes as plain numbers. Implements TensorDecoder."""

    name = "bitsandbytes"

    def __init__(self) -> None:
        self._fours: dict[str, _Four] = {}

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder."""
        by_name = {tensor.name: tensor for tensor in model.tensors}
        found, dtype = [], said_dtype(model)
        for codes in model.tensors:
            four, eight = _four(codes, by_name), _eight(codes, by_name)
            format_ = by_name.get(f"{codes.name}_format")  # 0, for rows as they are
            parts = four.parts if four else (*eight, format_) if eight and format_ is not None else eight
            shape = _shape(four, model) if four else codes.shape
            if not parts or not shape:
                continue
            if four:
                self._fours[codes.name] = four
            found.append(DecodedTensor(name=codes.name, dtype=dtype, shape=shape, shard=codes.shard, parts=parts))
        if not found:
            return Claims()
        how = f"by bitsandbytes ({4 if self._fours else 8} bits)"
        return Claims(tensors=tuple(found), findings=(quantized_before(model, found, how),))

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """See TensorDecoder."""
        import numpy as np

        four, width = self._fours.get(tensor.name), tensor.shape[-1]
        if four is not None:
            return _numbers(tensor, four, start * width, stop * width, stored).reshape(stop - start, width)
        codes, scales, *_ = tensor.parts
        largest = values(stored, scales, start, stop).astype(np.float32)
        return rows(stored, codes, start, stop).astype(np.float32) * (largest / _STEPS)[:, None]


def _four(codes: TensorInfo, tensors: Mapping[str, TensorInfo]) -> _Four | None:
    name = codes.name
    absmax, table = tensors.get(f"{name}.absmax"), tensors.get(f"{name}.quant_map")
    state = next((tensors[name + _STATE + kind] for kind in ("nf4", "fp4") if name + _STATE + kind in tensors), None)
    if codes.dtype != "U8" or absmax is None or table is None or state is None:
        return None
    factors, points = tensors.get(f"{name}.nested_absmax"), tensors.get(f"{name}.nested_quant_map")
    outer = (points, factors) if factors is not None and points is not None else None
    fits = table.shape == (16,) and table.dtype == "F32" and state.nbytes <= _MOST_BYTES
    nested = outer is not None and absmax.dtype == "U8" and points is not None and points.shape == (256,)
    if not fits or not (nested or (outer is None and absmax.dtype == "F32")):
        return None
    return _Four(codes=codes, absmax=absmax, table=table, state=state, outer=outer)


def _eight(codes: TensorInfo, tensors: Mapping[str, TensorInfo]) -> tuple[TensorInfo, ...]:
    scales = tensors.get(f"{codes.name.removesuffix('weight')}SCB")
    fits = codes.dtype == "I8" and len(codes.shape) == 2 and codes.name.endswith("weight")
    if not fits or scales is None or scales.shape != codes.shape[:1] or scales.dtype not in ("F32", "F16"):
        return ()
    return (codes, scales)


def _shape(four: _Four, model: ModelInfo) -> tuple[int, ...]:
    """The shape of the weight, () where nothing tells."""
    parameters = 2 * four.codes.parameters
    data = small_bytes(model, four.state)
    if data:
        shape = _read_state(data, four.state.name).shape
        return shape if shape[0] * shape[1] in (parameters, parameters - 1) else ()
    return shape_by_config(four.codes.name.removesuffix(".weight"), parameters, model.config)


def _numbers(tensor: DecodedTensor, four: _Four, start: int, stop: int, stored: StoredTensors) -> Array:
    """Some values, flat."""
    import numpy as np

    state = _read_state(whole(stored, four.state).tobytes(), four.state.name)
    check_shape(tensor.name, tensor.shape, state.shape)
    pairs = values(stored, four.codes, start // 2, -(-stop // 2))
    codes = np.stack([pairs >> 4, pairs & 15], axis=-1).reshape(-1)[start % 2 : start % 2 + stop - start]
    first, last = start // state.block, -(-stop // state.block)
    largest = _largest(four, state, first, last, stored)
    return whole(stored, four.table)[codes] * largest[np.arange(start, stop) // state.block - first]


def _largest(four: _Four, state: _State, first: int, last: int, stored: StoredTensors) -> Array:
    """The absmax of some blocks."""
    import numpy as np

    found = values(stored, four.absmax, first, last)
    if four.outer is None:
        return found
    points, factors = (whole(stored, part) for part in four.outer)
    return points[found] * factors[np.arange(first, last) // state.outer_block] + np.float32(state.offset)


@lru_cache(maxsize=8)
def _read_state(data: bytes, name: str) -> _State:
    """Raises CorruptCheckpoint (code ``odd_packing``)."""
    try:
        said = json.loads(data)
        rows_, width = said["shape"]
        found = _State(
            (int(rows_), int(width)),
            int(said["blocksize"]),
            int(said.get("nested_blocksize") or 1),
            float(said.get("nested_offset") or 0),
        )
        if min(*found.shape, found.block, found.outer_block) < 1:
            raise ValueError("a size is not positive")
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
        raise CorruptCheckpoint(
            f"{name} does not say how its weight is packed: {error}.",
            hint="Download the model again, or convert the original model.",
            code="odd_packing",
        ) from None
    return found
