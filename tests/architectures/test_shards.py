"""Tensors are split into files as mlx_lm.convert splits them."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as some

from mlx_convert_core.plugin import TensorInfo, split

GIGABYTE = 1 << 30


@given(
    some.lists(some.sampled_from([1, GIGABYTE // 2, GIGABYTE - 1, GIGABYTE, GIGABYTE + 1, 2 * GIGABYTE]), min_size=1)
)
def test_every_list_of_sizes_is_split_alike(sizes: list[int]) -> None:
    from mlx_lm.utils import make_shards

    theirs = make_shards({str(number): SimpleNamespace(nbytes=size) for number, size in enumerate(sizes)}, 1)
    ours = split(
        (TensorInfo(name=str(number), dtype="U8", shape=(size,)) for number, size in enumerate(sizes)), GIGABYTE
    )
    assert [[tensor.name for tensor in shard] for shard in ours] == [list(shard) for shard in theirs]
