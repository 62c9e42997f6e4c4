"""What the products of all pairs of inputs take: tokens to be made of, and memory."""

from __future__ import annotations

from typing import Any

from mlx_convert_engine.forward.streamed import StreamedModel
from mlx_convert_engine.forward.sums import column_blocks

ALOFT = 3  # times the widest layer's: a product that is being added, and the old and the new sum; or steps of Cholesky
ROWS_AT_ONCE = 1 << 21  # weights that are rounded at once by what is made of matrices
ARRAYS_OF_ROWS = 12  # of float32, that this takes


def widest(model: StreamedModel) -> int:
    """The columns of the largest matrix of any layer."""
    layers = (layer for path in model.blocks for layer in model.layers_of(path).values())
    return max((size for layer in layers for size in _sizes(layer)), default=0)


def memory_of(model: StreamedModel) -> int:
    """Bytes that the matrices take at most: those of one block, as if no two layers had the same inputs."""
    return max((_of_block(layers) for layers in _by_block(model)), default=0)


def disk_of(model: StreamedModel) -> int:
    """Bytes of the matrices of all layers at most, as if no two had the same inputs."""
    return sum(4 * size**2 for layers in _by_block(model) for layer in layers for size in _sizes(layer))


def memory_of_rounding(model: StreamedModel) -> int:
    """Bytes that going by the matrices of a layer takes at most: they and what is made of each, and the making."""
    layers = [_sizes(layer) for layers in _by_block(model) for layer in layers]
    kept = max((2 * sum(4 * size**2 for size in sizes) for sizes in layers), default=0)
    return kept + ALOFT * 4 * widest(model) ** 2 + ARRAYS_OF_ROWS * 4 * ROWS_AT_ONCE


def _by_block(model: StreamedModel) -> list[list[Any]]:
    """The layers of each block, and the head, the tallest of those outside, as if it were one."""
    outside = [layer for layer in model.layers_outside.values() if hasattr(layer, "to_quantized")]
    head = max(outside, key=lambda layer: int(layer.weight.shape[0]), default=None)
    blocks = [list(model.layers_of(path).values()) for path in model.blocks]
    return blocks if head is None else [*blocks, [head]]


def _of_block(layers: Any) -> int:
    nbytes = [sum(4 * size**2 for size in _sizes(layer)) for layer in layers]
    return sum(nbytes) + ALOFT * max(nbytes, default=0)


def _sizes(layer: Any) -> list[int]:
    """The columns of each matrix of a layer's inputs, none where none is made."""
    if layer.weight.ndim != 2 or not hasattr(layer, "to_quantized"):
        return []
    return [block.stop - block.start for block in column_blocks(layer.weight.shape[-1])]
