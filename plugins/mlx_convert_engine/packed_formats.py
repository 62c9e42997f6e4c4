"""What packed weights are worth, by the published definition of each format: a few rows at a time, in numpy.

This is the yardstick for what a model class makes of them, so nothing of MLX is used. A weight is a number of matrices
(experts), each of rows and a width, in the order of torch: outputs first. Sources: AutoAWQ (GEMM order),
compressed-tensors (pack-quantized, mxfp4 and nvfp4), NVIDIA ModelOpt (NVFP4), OCP Microscaling (E2M1, E4M3, E8M0),
OpenAI's gpt-oss, DeepSeek.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

from mlx_convert_core.plugin import TensorInfo

Array = Any  # of numpy
_AWQ_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)  # the nibble that each of eight neighbouring outputs lies in
_E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
_NUMPY = {
    "U8": "u1",
    "F8_E4M3": "u1",
    "F8_E8M0": "u1",
    "I8": "u1",
    "I32": "<u4",
    "U32": "<u4",
    "F16": "<f2",
    "F32": "<f4",
}
_POWERS = ("U8", "F8_E8M0")  # types of scales that are exponents of two


class Source(Protocol):
    """Where the bytes of tensors are read."""

    def read(self, tensor: TensorInfo, start: int, into: memoryview) -> None:
        """Fill ``into`` with the bytes of ``tensor`` from ``start`` on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedWeight:
    """A weight in the format ``form``: ``codes``, which ``values`` decodes, times ``scales`` (a row of them for
    ``tile`` rows), times ``factors``: one for all, for each matrix, or for each half of each."""

    form: str
    codes: TensorInfo
    scales: TensorInfo
    matrices: int
    rows: int
    width: int
    values: Callable[[Array], Array]
    tile: int = 1
    factors: TensorInfo | None = None
    divided: bool = False

    def numbers(self, source: Source, first: int, count: int) -> Array:
        """The rows from ``first`` on (counted over all matrices), as float32 of the shape (count, width)."""
        import numpy as np

        every = np.arange(first, first + count)
        matrix, row = every // self.rows, every % self.rows
        codes = _rows(source, self.codes, self.matrices * self.rows, first, count)
        scale_rows = -(-self.rows // self.tile)
        places = matrix * scale_rows + row // self.tile
        low, high = int(places[0]), int(places[-1]) + 1
        scales = _numbers(_rows(source, self.scales, self.matrices * scale_rows, low, high - low), self.scales.dtype)
        scales = scales[places - low]
        numbers = self.values(codes) * np.repeat(scales, -(-self.width // scales.shape[1]), axis=1)[:, : self.width]
        return (numbers * self._factor(source, matrix, row)).astype(np.float32)

    def _factor(self, source: Source, matrix: Array, row: Array) -> Array:
        import numpy as np

        if self.factors is None:
            return np.float32(1)
        known = _whole(source, self.factors).reshape(-1)
        if len(known) == 2 * self.matrices:
            known = known[2 * matrix + (row >= self.rows // 2)]
        else:
            known = known[matrix] if len(known) == self.matrices else known[:1]
        return (1 / known if self.divided else known)[:, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AwqWeight:
    """A weight of AutoAWQ in GEMM order: inputs first, eight outputs in a word, a group of inputs for each scale."""

    form: str
    codes: TensorInfo
    scales: TensorInfo
    zeros: TensorInfo | None
    matrices: int = 1

    @property
    def rows(self) -> int:
        """Outputs."""
        return self.scales.shape[1]

    @property
    def width(self) -> int:
        """Inputs."""
        return self.codes.shape[0]

    def numbers(self, source: Source, first: int, count: int) -> Array:
        """See `PackedWeight`."""
        import numpy as np

        words = slice(first // 8, -(-(first + count) // 8))
        within = slice(first - 8 * words.start, first - 8 * words.start + count)
        scales = _columns(source, self.scales, slice(first, first + count)).astype(np.float32)
        zeros = np.float32(8)
        if self.zeros is not None:
            zeros = _nibbles(_columns(source, self.zeros, words), _AWQ_ORDER)[:, within].astype(np.float32)
        codes = _nibbles(_columns(source, self.codes, words), _AWQ_ORDER)[:, within].astype(np.float32)
        group = self.width // scales.shape[0]
        spread = [np.repeat(one, group, axis=0) if np.ndim(one) else one for one in (zeros, scales)]
        return np.ascontiguousarray(((codes - spread[0]) * spread[1]).T)


class Packed(Protocol):
    """A packed weight, and what it is worth."""

    @property
    def form(self) -> str:
        """What its format is called."""

    @property
    def matrices(self) -> int:
        """How many it is of."""

    @property
    def rows(self) -> int:
        """Outputs of each."""

    def numbers(self, source: Source, first: int, count: int) -> Array:
        """See `PackedWeight.numbers`."""


def packed_weights(tensors: Iterable[TensorInfo]) -> dict[str, Packed]:
    """The packed weights among ``tensors`` whose format is known here, by the name of the tensor with their codes."""
    by_name = {tensor.name: tensor for tensor in tensors}
    found = {name: _packed(tensor, by_name) for name, tensor in by_name.items()}
    return {name: weight for name, weight in found.items() if weight is not None}


def _packed(codes: TensorInfo, tensors: Mapping[str, TensorInfo]) -> Packed | None:
    name, of = codes.name, tensors.get
    if name.endswith(".qweight"):
        base = name.removesuffix("qweight")
        return _awq(codes, of(f"{base}scales"), of(f"{base}qzeros"))
    if name.endswith("weight_packed"):
        base = name.removesuffix("_packed")
        if of(f"{base}_zero_point") or of(f"{base}_g_idx"):
            return None
        return _of_compressed(codes, of(f"{base}_scale"), of(f"{base}_global_scale"))
    if name.endswith("_blocks"):
        return _halves("mxfp4", codes, of(f"{name.removesuffix('_blocks')}_scales"), matrices=codes.shape[0])
    if codes.dtype == "U8":
        base = name if name.endswith("weight") else f"{name}_weight"
        return _of_modelopt(codes, of(f"{base}_scale"), of(f"{base}_scale_2"))
    beside = of(f"{name}_scale_inv") or of(f"{name}_scale") or of(f"{name.removesuffix('weight')}scale")
    if codes.dtype == "I8":
        return _halves("mxfp4", codes, beside)
    return _of_bytes(codes, beside) if codes.dtype == "F8_E4M3" else None


def _awq(codes: TensorInfo, scales: TensorInfo | None, zeros: TensorInfo | None) -> Packed | None:
    if scales is None or len(codes.shape) != 2 or codes.shape[1] * 8 != scales.shape[-1]:
        return None
    return AwqWeight(form="AWQ", codes=codes, scales=scales, zeros=zeros)


def _of_compressed(codes: TensorInfo, scales: TensorInfo | None, factor: TensorInfo | None) -> Packed | None:
    if codes.dtype == "I32" and scales is not None:
        return _plain("compressed-tensors' pack-quantized", codes, scales, codes.shape[-1] * 8, _offset_nibbles)
    form = "nvfp4" if scales is not None and scales.dtype == "F8_E4M3" else "mxfp4"
    return _halves(form, codes, scales, factors=factor, divided=True)


def _of_modelopt(codes: TensorInfo, scales: TensorInfo | None, factors: TensorInfo | None) -> Packed | None:
    if scales is None or scales.dtype != "F8_E4M3":
        return None
    return _halves("nvfp4", codes, scales, factors=factors)


def _of_bytes(codes: TensorInfo, scales: TensorInfo | None) -> Packed | None:
    if scales is None or scales.dtype not in _POWERS:
        return None
    return _plain("mxfp8", codes, scales, codes.shape[-1], _e4m3)


def _halves(
    form: str,
    codes: TensorInfo,
    scales: TensorInfo | None,
    *,
    matrices: int = 0,
    factors: TensorInfo | None = None,
    divided: bool = False,
) -> Packed | None:
    """Two floats of 4 bits in a byte, the lower half first; ``matrices`` 0 takes all axes before the last two."""
    if scales is None or len(codes.shape) < 2:
        return None
    if matrices:
        rows, width = codes.shape[1], 2 * prod(codes.shape[2:])
    else:
        matrices, rows, width = prod(codes.shape[:-2]), codes.shape[-2], 2 * codes.shape[-1]
    return PackedWeight(
        form=form, codes=codes, scales=scales, matrices=matrices, rows=rows, width=width, values=_e2m1_pairs,
        factors=factors, divided=divided,
    )  # fmt: skip


def _plain(
    form: str, codes: TensorInfo, scales: TensorInfo, width: int, values: Callable[[Array], Array]
) -> PackedWeight:
    rows, held = codes.shape[-2], scales.shape[-2] if len(scales.shape) > 1 else codes.shape[-2]
    return PackedWeight(
        form=form, codes=codes, scales=scales, matrices=prod(codes.shape[:-2]), rows=rows, width=width,
        values=values, tile=-(-rows // held),
    )  # fmt: skip


def _rows(source: Source, tensor: TensorInfo, rows: int, first: int, count: int) -> Array:
    """Some rows of a tensor, whose values are ``rows`` rows in all, as they are stored."""
    import numpy as np

    each = tensor.nbytes // rows
    data = memoryview(bytearray(each * count))
    source.read(tensor, each * first, data)
    return np.frombuffer(data, _NUMPY.get(tensor.dtype, "<u2")).reshape(count, -1)


def _columns(source: Source, tensor: TensorInfo, columns: slice) -> Array:
    """Some columns of a matrix, which passes by in blocks of rows."""
    import numpy as np

    rows, step = tensor.shape[0], max(1, (1 << 22) * tensor.shape[0] // max(1, tensor.nbytes))
    blocks = (_rows(source, tensor, rows, first, min(step, rows - first)) for first in range(0, rows, step))
    found = np.concatenate([block[:, columns].copy() for block in blocks])
    return found if tensor.dtype == "I32" else _numbers(found, tensor.dtype)


def _whole(source: Source, tensor: TensorInfo) -> Array:
    return _numbers(_rows(source, tensor, 1, 0, 1), tensor.dtype)


def _numbers(stored: Array, dtype: str) -> Array:
    """Scales as float32."""
    import numpy as np

    if dtype in _POWERS:
        known = np.ldexp(np.float32(1), np.minimum(stored, 254).astype(np.int32) - 127)
        return np.where(stored == 255, np.float32(np.nan), known)
    if dtype == "F8_E4M3":
        return _e4m3(stored)
    if dtype == "BF16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(np.float32)


def _e4m3(codes: Array) -> Array:
    import numpy as np

    exponent, mantissa = (codes >> 3 & 15).astype(np.int32), (codes & 7).astype(np.float32)
    size = np.where(exponent > 0, np.ldexp(1 + mantissa / 8, exponent - 7), np.ldexp(mantissa, -9))
    size = np.where(codes & 127 == 127, np.nan, size)
    return np.where(codes & 128, -size, size).astype(np.float32)


def _e2m1_pairs(codes: Array) -> Array:
    import numpy as np

    halves = np.stack([codes & 15, codes >> 4], axis=-1).reshape(len(codes), -1)
    size = np.array(_E2M1, np.float32)[halves & 7]
    return np.where(halves & 8, -size, size)


def _offset_nibbles(words: Array) -> Array:
    import numpy as np

    return _nibbles(words, range(8)).astype(np.float32) - 8


def _nibbles(words: Array, order: Iterable[int]) -> Array:
    """Eight values of 4 bits from each word, in ``order``, along the last axis."""
    import numpy as np

    shifts = np.array([4 * place for place in order], np.uint32)
    return (words[..., None] >> shifts & 15).reshape(len(words), -1)
