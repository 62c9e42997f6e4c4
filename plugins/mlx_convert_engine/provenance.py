"""Which source tensors a lazy array is made of, when it is nothing but their rows one after the other.

A model class may rename, stack or compute with what it loads, and arrays don't say what was done to them.
MLX can export the graph behind an array, though, and there a tensor that was only read is a lone ``Load``,
a stack of experts a ``Concatenate`` of them. Anything else, or anything that this reading of the graph does
not know, is reported as unknown: the array is then computed as a whole, which is always right.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from mlx_convert_core.plugin import TensorInfo

# Operations that leave values and their order as they are.
_SAME_ORDER = ("ExpandDims", "Reshape", "Squeeze", "Flatten", "Unflatten")
_LABEL = ' [label ="'  # behind the id of an operation, before its name
_NAMED_AT_ONCE = 1000  # arrays in a graph: nanobind takes 1,024 arguments by name


class Provenance:
    """Knows the arrays that a checkpoint was loaded as (``arrays``) and the tensors behind them."""

    def __init__(self, arrays: Mapping[str, Any], tensors: Mapping[str, TensorInfo]) -> None:
        self._loads = _loads(arrays, tensors)
        self._known = frozenset(name for name in arrays if name in tensors)

    def sources(self, array: Any) -> tuple[TensorInfo, ...] | None:
        """The source tensors whose bytes, in this order, are ``array``'s bytes; None when unknown."""
        graph = _Graph({"_": array})
        found = self._follow(graph, graph.last)
        return found if found is not None and _in_rows(found, tuple(array.shape)) else None

    def shards(self, arrays: Iterable[Any]) -> frozenset[str] | None:
        """The source files whose tensors go into ``arrays``; None when unknown.

        A class that looked at the values of a tensor may have made anything of them: then nothing is known.
        """
        if self.looked_at:
            return None
        loads = self._behind(arrays)
        if not loads <= self._loads.keys():
            return None
        return frozenset(shard for node in loads for shard in self._loads[node].shards)

    def names(self, arrays: Iterable[Any]) -> frozenset[str]:
        """The source tensors that go into ``arrays``, as far as nobody has looked at their values."""
        return frozenset(self._loads[node].name for node in self._behind(arrays) if node in self._loads)

    @cached_property
    def looked_at(self) -> frozenset[str]:
        """The tensors whose values the class has looked at: what became of them nobody can tell."""
        return self._known - {tensor.name for tensor in self._loads.values()}

    def _behind(self, arrays: Iterable[Any]) -> set[str]:
        return set(_Graph({f"_{number}": array for number, array in enumerate(arrays)}).all("Load"))

    def _follow(self, graph: _Graph, node: str) -> tuple[TensorInfo, ...] | None:
        operation = graph.operation(node)
        if operation == "Load":
            return (self._loads[node],) if node in self._loads else None
        inputs = graph.inputs(node)
        if operation in _SAME_ORDER and len(inputs) == 1:
            return self._follow(graph, inputs[0])
        if operation != "Concatenate":
            return None
        parts = [self._follow(graph, one) for one in inputs]
        if any(part is None or len(part) != 1 for part in parts):
            return None
        return tuple(part[0] for part in parts if part)


def _loads(arrays: Mapping[str, Any], tensors: Mapping[str, TensorInfo]) -> dict[str, TensorInfo]:
    """The tensors by the nodes that load them, many from one graph: there may be a hundred thousand."""
    known = [name for name in arrays if name in tensors]
    found = {}
    for start in range(0, len(known), _NAMED_AT_ONCE):
        names = {f"_{number}": name for number, name in enumerate(known[start : start + _NAMED_AT_ONCE])}
        graph = _Graph({key: arrays[name] for key, name in names.items()})
        makers = ((graph.maker(made), name) for made, name in names.items())
        found |= {node: tensors[name] for node, name in makers if graph.operation(node) == "Load"}
    return found


def _dot(arrays: Mapping[str, Any]) -> str:
    """The graph behind ``arrays``, whose ends are called by their keys."""
    import mlx.core as mx

    text = io.StringIO()
    mx.export_to_dot(text, **arrays)
    return text.getvalue()


class _Graph:
    """The graph behind ``arrays``: operations by id, what goes into each, and what makes each value.

    A stack of experts has thousands of lines, of three shapes that matter: ``{ NODE [label ="OPERATION"…``,
    ``"VALUE" -> NODE`` and ``NODE -> "VALUE"``. Their ends are cut off, which takes a tenth of searching for them.
    """

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self._operations: dict[str, str] = {}
        self._makers: dict[str, str] = {}
        self._inputs: dict[str, list[str]] = {}
        for line in _dot(arrays).split("\n"):
            if line[:1] == "{":
                node, label, rest = line.partition(_LABEL)
                if label:
                    self._operations[node[2:]] = rest.partition('"')[0]
                continue
            start, arrow, end = line.partition(" -> ")
            if start[:1] == '"':
                self._inputs.setdefault(end, []).append(start[1:-1])
            elif arrow:
                self._makers[end[1:-1]] = start

    @property
    def last(self) -> str:
        """The operation that no other uses, "" when there are several."""
        used = {node for values in self._inputs.values() for value in values if (node := self._makers.get(value))}
        ends = self._operations.keys() - used
        return ends.pop() if len(ends) == 1 else ""

    def maker(self, value: str) -> str:
        return self._makers.get(value, "")

    def operation(self, node: str) -> str:
        return self._operations.get(node, "")

    def all(self, operation: str) -> list[str]:
        return [node for node, name in self._operations.items() if name == operation]

    def inputs(self, node: str) -> list[str]:
        return [self.maker(value) for value in self._inputs.get(node, ())]


def _in_rows(sources: Sequence[TensorInfo], shape: tuple[int, ...]) -> bool:
    """Whether joining ``sources`` along the first axis gives ``shape``, and no other axis could."""
    first = sources[0]
    if any(source.dtype != first.dtype for source in sources):
        return False
    if len(sources) == 1:
        return _size(first.shape) == _size(shape)
    if any(source.shape[1:] != first.shape[1:] for source in sources):
        return False
    stacked = shape == (len(sources), *first.shape) and len(first.shape) > 1 and first.shape[0] != len(sources)
    joined = len(shape) > 1 and shape == (sum(source.shape[0] for source in sources), *first.shape[1:])
    return (stacked and all(source.shape == first.shape for source in sources)) or joined


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
