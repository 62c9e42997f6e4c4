"""The rows of a piece's source tensors, in slices that are worth a computation however small the tensors are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlx_convert_core.plugin import TensorInfo
from mlx_convert_engine.source_files import SourceFiles


@dataclass(frozen=True, slots=True)
class Rows:
    """The bytes of some rows, and the tensors that they lie in, in order."""

    data: memoryview
    tensors: tuple[TensorInfo, ...]


def rows_of(
    sources: Sequence[TensorInfo], width: int, nbytes: int, files: SourceFiles, *, fresh: bool
) -> Iterator[Rows]:
    """The bytes of ``sources``, all of one dtype, one after the other: whole rows (``width`` values each), about
    ``nbytes`` at a time. Experts are often smaller than that; several of them then share a slice.

    Each slice comes in the same buffer, unless they are to be ``fresh``: written as they are, some time later.
    """
    import numpy as np

    left = sum(tensor.nbytes for tensor in sources)
    if not left:
        yield Rows(memoryview(b""), tuple(sources))
        return
    row = width * left // sum(tensor.parameters for tensor in sources)
    step = max(1, nbytes // row) * row
    buffer, filled, within = memoryview(np.empty(min(step, left), np.uint8)), 0, []
    for tensor in sources:
        start = 0
        while start < tensor.nbytes:
            size = min(step - filled, tensor.nbytes - start)
            files.read(tensor, start, buffer[filled : filled + size])
            within.append(tensor)
            start, filled, left = start + size, filled + size, left - size
            if filled < step and left:
                continue
            yield Rows(buffer[:filled], tuple(within))
            if fresh:
                buffer = memoryview(np.empty(min(step, left), np.uint8))
            filled, within = 0, []
