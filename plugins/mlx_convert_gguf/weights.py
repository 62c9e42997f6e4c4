"""From GGUF blocks to bf16 tensors, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_convert_core.plugin import Reporter, ShardWriter, TensorInfo, open_regular
from mlx_convert_gguf.container import GgufTensor, block, truncated
from mlx_convert_gguf.rebuilding import Rebuilt

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CHUNK_VALUES = 4 << 20  # 16 MB as float32


def write_weights(
    source: Path, rebuilt: Iterable[Rebuilt], tensors: tuple[TensorInfo, ...], folder: Path, report: Reporter
) -> None:
    """Write the tensors of ``rebuilt``, planned as ``tensors``, into ``folder``; the progress counts bytes written."""
    total = sum(tensor.nbytes for tensor in tensors)
    done = 0
    with ShardWriter(folder, tensors, {"format": "pt"}) as writer, open_regular(source, within=None) as file:
        for one in rebuilt:
            for values in _chunks(file.fileno(), source.name, one):
                report.check_cancelled()
                data = bf16(values).tobytes()
                writer.write(one.name, data)
                done += len(data)
                report.progress("fetch", done, total)


def read_values(source: Path, tensor: GgufTensor) -> list[float]:
    """All values of a small tensor."""
    with open_regular(source, within=None) as file:
        return [float(value) for value in _rows(file.fileno(), source.name, tensor, 0, 1).ravel()]


def bf16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """The bits of ``values`` as bfloat16, rounded to nearest, ties to even; NaN stays NaN."""
    import numpy as np

    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    nan = (bits & 0x7FFFFFFF) > 0x7F800000
    return np.where(nan, (bits >> 16) | 0x40, rounded).astype("<u2")


def unpermute(values: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """Put the rows of ``heads`` heads back: llama.cpp has each head's halves interleaved, row by row."""
    rows = values.shape[0]
    return values.reshape(heads, rows // heads // 2, 2, -1).swapaxes(1, 2).reshape(values.shape)


def _chunks(handle: int, name: str, one: Rebuilt) -> Iterable[npt.NDArray[np.float32]]:
    """The tensor's values in order, whole heads or rows together, so that memory stays small."""
    shape = one.source.shape
    rows, width = (shape[0], shape[1]) if len(shape) > 1 else (1, shape[0])
    if len(shape) == 1:
        values = _rows(handle, name, one.source, 0, 1)[0]
        yield unpermute(values, one.heads) if one.heads else values
        return
    unit = rows // one.heads if one.heads else 1
    step = max(1, CHUNK_VALUES // (unit * width)) * unit
    for start in range(0, rows, step):
        values = _rows(handle, name, one.source, start, min(step, rows - start))
        yield unpermute(values, len(values) // unit) if one.heads else values


def _rows(handle: int, name: str, tensor: GgufTensor, start: int, count: int) -> npt.NDArray[np.float32]:
    """Rows of a tensor as float32; raises CorruptCheckpoint when the file has become shorter."""
    import os

    import numpy as np
    from gguf.constants import GGMLQuantizationType
    from gguf.quants import dequantize

    values, nbytes = block(tensor.kind)
    width = tensor.shape[-1] // values * nbytes
    kind = GGMLQuantizationType(tensor.kind)
    data = bytearray()
    position = tensor.start + start * width
    while len(data) < count * width:
        got = os.pread(handle, count * width - len(data), position + len(data))
        if not got:
            raise truncated(name, position + count * width, position + len(data))
        data += got
    plain = {GGMLQuantizationType.F32: np.float32, GGMLQuantizationType.F16: np.float16}.get(kind, np.uint8)
    blocks = np.frombuffer(data, dtype=plain).reshape(count, -1)
    return dequantize(blocks, kind).astype(np.float32, copy=False)
