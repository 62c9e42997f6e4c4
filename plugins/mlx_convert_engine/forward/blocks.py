"""The blocks of a model, and their weights: there before a block is called, gone after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mlx_convert_engine.model_classes import LazyModel

Load = Callable[[], LazyModel]
"""Gives the model anew at each call, its weights unread."""


def blocks_of(model: Any) -> dict[str, Any]:
    """The modules that lie in lists, by path: what a class goes through one after the other.

    Only the outermost lists count, since a block may hold lists of its own (experts).
    """
    return dict(_in_lists("", model))


def _in_lists(path: str, module: Any) -> Iterator[tuple[str, Any]]:
    import mlx.nn as nn

    for name, child in module.children().items():
        where = f"{path}.{name}" if path else name
        if isinstance(child, nn.Module):
            yield from _in_lists(where, child)
        elif isinstance(child, list):
            for number, element in enumerate(child):
                if isinstance(element, nn.Module):
                    yield f"{where}.{number}", element
        elif isinstance(child, Mapping):
            for key, element in child.items():
                if isinstance(element, nn.Module):
                    yield from _in_lists(f"{where}.{key}", element)


class FreshWeights:
    """Weights not yet read, to take the place of weights that were.

    An array that was computed stays in memory as long as anybody holds it, so a block's arrays are replaced by those
    of the same block of another loading, which costs a fraction of a second and no weight.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._blocks: dict[str, Any] = {}
        self._outside: dict[str, Any] = {}

    def of_block(self, path: str) -> Any:
        """The weights of the block at ``path``, as a tree."""
        if path not in self._blocks:
            self._again()
        return widened(self._blocks.pop(path).parameters())

    def outside(self) -> dict[str, Any]:
        """The weights outside of all blocks, by name."""
        if not self._outside:
            self._again()
        left, self._outside = self._outside, {}
        return left

    def _again(self) -> None:
        lazy = self._load()
        lazy.arrays.clear()
        self._blocks = blocks_of(lazy.model)
        self._outside = outside(lazy.model, self._blocks)


def outside(model: Any, blocks: Iterable[str]) -> dict[str, Any]:
    """The parameters of ``model`` outside of ``blocks`` (paths), by name."""
    from mlx.utils import tree_flatten

    prefixes = tuple(f"{path}." for path in blocks)
    return {name: array for name, array in tree_flatten(model.parameters()) if not name.startswith(prefixes)}


def widened(parameters: Any) -> Any:
    """A tree of arrays as a CPU computes with them: 16-bit floats there are many times slower, and less exact."""
    import mlx.core as mx
    from mlx.utils import tree_map

    if mx.default_device() != mx.cpu:
        return parameters

    def wide(array: Any) -> Any:
        return array.astype(mx.float32) if mx.issubdtype(array.dtype, mx.floating) else array

    return tree_map(wide, parameters)
