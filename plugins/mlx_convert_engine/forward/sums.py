"""Sums over the inputs of layers, kept as arrays that are computed together with what the layers answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlx_convert_engine.forward.products import gram_added

COLUMNS = 4096  # of a matrix of products at most: 67 MB, and what is made of it takes a second or two of a core
ALIGNED = 128  # columns: the largest group


def column_blocks(width: int) -> tuple[slice, ...]:
    """The columns of a layer with so many inputs in blocks of about the same size: those of one matrix each.

    That columns of two blocks go together is not looked at: a layer of 14,336 inputs would have a matrix of 822 MB, and
    would want 57,344 tokens to fill it.
    """
    count = -(-width // COLUMNS)
    size = -(-width // (count * ALIGNED)) * ALIGNED
    return tuple(slice(start, min(start + size, width)) for start in range(0, width, size))


@dataclass(slots=True)
class Seen:
    """Sums of one layer: ``squares`` (inputs,) or (experts, inputs) over ``counts`` tokens, () or (experts,);
    ``products`` (inputs, inputs; one for each of `column_blocks`) over ``rows`` tokens (0 once they were asked for),
    held by the first of several layers with the same inputs;
    ``lookups`` (table's rows,)."""

    squares: Any = None
    counts: Any = None
    products: tuple[Any, ...] = ()
    rows: int = 0
    lookups: Any = None


class Sums:
    """The sums of some layers by path. ``wants_full`` says for which the products of all pairs of inputs are summed."""

    def __init__(self, wants_full: Callable[[str, int], bool] | None) -> None:
        self._wants_full = wants_full
        self._seen: dict[str, Seen] = {}
        self._changed: dict[str, Seen] = {}
        self._sharing: dict[str, str] = {}  # a layer -> the layer that holds their products
        self._holders: dict[
            int, tuple[Any, str]
        ] = {}  # of this call: the input by identity, and who holds its products

    def __contains__(self, path: str) -> bool:
        return path in self._seen

    def of(self, path: str) -> Seen:
        """The sums of a layer; its products may be another's."""
        return self._seen[path]

    def mean_products(self, path: str) -> tuple[Any, ...]:
        """E[x xᵀ] of a layer in column blocks, none where it was not wanted; the same tuple for layers with the same
        inputs."""
        holder = self._seen.get(self._sharing.get(path, ""))
        if holder is None:
            return ()
        if holder.rows:
            holder.products, holder.rows = tuple(products / holder.rows for products in holder.products), 0
        return holder.products

    def changed(self) -> list[Any]:
        """The arrays that were added to since the last time, to be computed now."""
        changed, self._changed = self._changed, {}
        self._holders.clear()
        return [
            array
            for seen in changed.values()
            for array in (seen.squares, seen.counts, *seen.products, seen.lookups)
            if array is not None
        ]

    def drop_full(self) -> None:
        """Forget the products, the largest of all sums."""
        for seen in self._seen.values():
            seen.products, seen.rows = (), 0
        self._sharing.clear()

    def add_inputs(self, path: str, x: Any) -> None:
        """Rows of inputs, (..., inputs)."""
        import mlx.core as mx

        rows = x.reshape(-1, x.shape[-1]).astype(mx.float32)
        self._add(path, mx.square(rows).sum(axis=0), mx.array(float(rows.shape[0])))
        if self._wants_full is not None and self._wants_full(path, rows.shape[-1]):
            self._add_products(path, x, rows)

    def add_by_member(self, path: str, x: Any) -> None:
        """Inputs of a stack whose members take one each: (..., members, rows, inputs)."""
        import mlx.core as mx

        grouped = mx.moveaxis(x.astype(mx.float32), -3, 0).reshape(x.shape[-3], -1, x.shape[-1])
        counts = mx.full((x.shape[-3],), float(grouped.shape[1]))
        self._add(path, mx.square(grouped).sum(axis=1), counts)

    def add_chosen(self, path: str, x: Any, chosen: Any, members: int) -> None:
        """Inputs (..., rows, inputs) of a stack, where ``chosen`` (...) says which members each of them goes to."""
        import mlx.core as mx

        outer = x.shape[:-2]
        squares = mx.square(x.astype(mx.float32)).sum(axis=-2).reshape(-1, x.shape[-1])
        shape = mx.broadcast_shapes(outer, chosen.shape)
        place = mx.broadcast_to(mx.arange(squares.shape[0]).reshape(outer), shape).reshape(-1)
        member = mx.broadcast_to(chosen, shape).reshape(-1)
        times = mx.zeros((members, squares.shape[0])).at[member, place].add(1.0)
        self._add(path, times @ squares, times.sum(axis=1) * x.shape[-2])

    def add_lookups(self, path: str, rows: Any, total: int) -> None:
        """Row numbers that were looked up, of ``total``."""
        import mlx.core as mx

        counts = mx.zeros((total,)).at[rows.reshape(-1)].add(1.0)
        seen = self._mark(path)
        seen.lookups = counts if seen.lookups is None else seen.lookups + counts

    def _add(self, path: str, squares: Any, counts: Any) -> None:
        seen = self._mark(path)
        seen.squares = squares if seen.squares is None else seen.squares + squares
        seen.counts = counts if seen.counts is None else seen.counts + counts

    def _add_products(self, path: str, x: Any, rows: Any) -> None:
        """Layers with the same input, such as queries, keys and values, sum its products once."""
        _, holder = self._holders.setdefault(id(x), (x, path))
        if self._sharing.setdefault(path, holder) != holder:
            raise RuntimeError(f"{path} shares its inputs with {self._sharing[path]} for some tokens only")
        if holder == path:
            seen = self._mark(path)
            seen.rows += rows.shape[0]
            blocks = column_blocks(rows.shape[-1])
            before, seen.products = seen.products or (None,) * len(blocks), ()
            seen.products = tuple(gram_added(old, rows[:, block]) for old, block in zip(before, blocks, strict=True))

    def _mark(self, path: str) -> Seen:
        seen = self._seen.setdefault(path, Seen())
        self._changed[path] = seen
        return seen
