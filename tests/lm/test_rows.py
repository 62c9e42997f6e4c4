"""Source tensors come in slices of one size, whether a tensor is larger or smaller than that."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from hypothesis import given
from hypothesis import strategies as some
from mlx_convert_engine.rows import Rows, rows_of
from mlx_convert_engine.source_files import SourceFiles

from mlx_convert_core.plugin import TensorInfo

WIDTH, ROW = 8, 16  # values and bytes of a row


class File:
    """Bytes of a weight file, each saying where it lies; notes what was read."""

    def __init__(self, size: int) -> None:
        self.content = bytes(place % 251 for place in range(size))

    def read(self, tensor: TensorInfo, start: int, into: memoryview) -> None:
        into[:] = self.content[tensor.start + start : tensor.start + start + into.nbytes]


def stack(*heights: int) -> tuple[TensorInfo, ...]:
    """Tensors of these many rows, which lie one after the other."""
    ends = [ROW * sum(heights[: end + 1]) for end in range(len(heights))]
    return tuple(
        TensorInfo(name=f"expert.{n}", dtype="BF16", shape=(rows, WIDTH), start=end - ROW * rows, end=end, shard="w")
        for n, (rows, end) in enumerate(zip(heights, ends, strict=True))
    )


def slices(tensors: tuple[TensorInfo, ...], nbytes: int, *, fresh: bool = False) -> list[tuple[bytes, Rows]]:
    files = cast(SourceFiles, File(tensors[-1].end))
    return [(bytes(rows.data), rows) for rows in rows_of(tensors, WIDTH, nbytes, files, fresh=fresh)]


@given(some.lists(some.integers(0, 9), min_size=1, max_size=8), some.integers(1, 20 * ROW))
def test_slices_are_whole_rows_and_together_all_bytes(heights: list[int], nbytes: int) -> None:
    tensors = stack(*heights)
    found = [data for data, _ in slices(tensors, nbytes)]
    assert b"".join(found) == File(tensors[-1].end).content
    assert {len(data) for data in found[:-1]} <= {max(1, nbytes // ROW) * ROW}
    assert all(len(data) % ROW == 0 for data in found)


def test_small_tensors_share_a_slice_and_a_large_one_has_several() -> None:
    named = [[tensor.name for tensor in rows.tensors] for _, rows in slices(stack(2, 2, 9, 1), 5 * ROW)]
    assert named == [["expert.0", "expert.1", "expert.2"], ["expert.2"], ["expert.2", "expert.3"]]


def test_one_buffer_serves_all_slices_unless_they_are_kept() -> None:
    heights = (4, 4, 4)
    first, *_ = [rows for _, rows in slices(stack(*heights), 4 * ROW)]
    kept = slices(stack(*heights), 4 * ROW, fresh=True)
    assert bytes(first.data) == kept[-1][0]  # overwritten by the last
    assert all(bytes(rows.data) == data for data, rows in kept)
    assert all(one.data is not other.data for (_, one), (_, other) in pairwise(kept))


def test_a_tensor_without_values_is_there() -> None:
    assert [len(data) for data, _ in slices(stack(0), ROW)] == [0]
