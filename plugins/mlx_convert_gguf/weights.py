"""A GGUF file's tensors written as a checkpoint's, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import Reporter, ShardWriter, TensorInfo
from mlx_convert_gguf.rebuilding import Rebuilt
from mlx_convert_gguf.values import GgufValues

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mlx_convert_gguf.transforms import Values

CHUNK_VALUES = 4 << 20  # 16 MB as float32


def write_weights(rebuilt: Iterable[Rebuilt], tensors: tuple[TensorInfo, ...], folder: Path, report: Reporter) -> None:
    """Write the tensors of ``rebuilt``, planned as ``tensors``, into ``folder``; the progress counts bytes written."""
    total = sum(tensor.nbytes for tensor in tensors)
    done = 0
    with ShardWriter(folder, tensors, {"format": "pt"}) as writer, GgufValues() as values:
        for one in rebuilt:
            for rows in chunks(one, values):
                report.check_cancelled()
                data = _stored(rows, one.dtype).tobytes()
                writer.write(one.name, data)
                done += len(data)
                report.progress("fetch", done, total)


def chunks(one: Rebuilt, values: GgufValues) -> Iterator[Values]:
    """The tensor's values in order, whole units of its transform together, so that memory stays small."""
    rows, unit = one.transform.rows, one.transform.unit
    step = max(1, CHUNK_VALUES * rows // (unit * prod(one.shape))) * unit
    for start in range(0, rows, step):
        yield one.made(values, start, min(rows, start + step))


def _stored(rows: Values, dtype: str) -> npt.NDArray[Any]:
    """Values as ``dtype`` (``BF16`` or ``F32``) stores them."""
    return bf16(rows) if dtype == "BF16" else rows.astype("<f4")


def bf16(values: Values) -> npt.NDArray[np.uint16]:
    """The bits of ``values`` as bfloat16, rounded to nearest, ties to even; NaN stays NaN."""
    import numpy as np

    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    nan = (bits & 0x7FFFFFFF) > 0x7F800000
    return np.where(nan, (bits >> 16) | 0x40, rounded).astype("<u2")
