"""What numbers for a layer cost: some of its rows rounded with each, and the errors weighed by what they do.

The weight of an error in row i and column j is the sum over tokens of g_i² x_j², with x the layer's input and g the
gradient of what the model expects with respect to its output: the diagonal of the Fisher information, so that the sum
over all layers stands for the divergence of the output. Where a class gives no gradients, errors weigh by the mean
square of their input alone, beside those of the weights themselves: every layer then counts as much as any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from mlx_convert_core.plugin import LayerInfo, Quantization
from mlx_convert_engine.forward.way_back import Felt
from mlx_convert_engine.tuning.rounding import Rounding

SHARE = 16  # one row in so many is rounded with every choice
LEAST_ROWS = 48
MOST_ROWS = 1024
HEAVY = 2  # one in so many of them is among those that bear most; the others stand for the rest
MEMBERS = 4  # of a stack of experts


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of a layer that stand for all: ``rows`` of each of ``members`` of a stack (one, if it is none); ``shares``
    (rows, 1) says how many rows each stands for."""

    members: tuple[int, ...]
    rows: Any
    shares: Any

    @staticmethod
    def of(shape: Sequence[int], bearing: Any = None) -> Sample:
        """The sample of a weight of ``shape`` (..., rows, width).

        ``bearing`` (rows) is how much an error in each row weighs, about: of layers with large outputs in a few
        channels, and of tables with a few frequent words, a few rows bear most, and are taken for themselves.
        """
        import mlx.core as mx
        import numpy as np

        stack = shape[0] if len(shape) > 2 else 1
        height = shape[-2]
        members = tuple(sorted({stack * place // MEMBERS for place in range(MEMBERS)}))
        together = height * len(members)
        step = max(1, min(SHARE, together // LEAST_ROWS), together // MOST_ROWS)
        if bearing is None or step == 1:
            heavy, rest = np.array([], np.int64), np.arange(height)
        else:
            order = np.argsort(-np.array(bearing), kind="stable")
            heavy = order[: height // (step * HEAVY)]
            rest, step = np.sort(order[len(heavy) :]), step * HEAVY
        others = rest[step // 2 :: step]
        rows = np.concatenate([heavy, others])
        shares = np.full(len(rows), stack / len(members), np.float32)
        shares[len(heavy) :] *= len(rest) / len(others)
        return Sample(members, mx.array(rows), mx.array(shares)[:, None])

    def values(self, weight: Any) -> Any:
        """The rows of a weight, (members, rows, width)."""
        import mlx.core as mx

        stack = weight.reshape(-1, *weight.shape[-2:])
        return mx.stack([stack[member][self.rows] for member in self.members])


@dataclass(slots=True)
class _Table:
    """What an embedding or a head bears: ``columns`` (width) in all its rows together, ``rows`` (words) how that is
    spread: as likely as the model holds each word to be. None where it is only looked up: evenly."""

    columns: Any = 0.0
    rows: Any = None

    def spread(self, sample: Sample, height: int) -> Any:
        """The weights of errors in the sampled rows, (1, rows, width)."""
        import mlx.core as mx

        if self.rows is None:
            return mx.broadcast_to(self.columns / height, (1, sample.rows.size, self.columns.size))
        return (self.rows[sample.rows] / self.rows.sum())[None, :, None] * self.columns


@dataclass(slots=True)
class Importance:
    """The weights of errors in the sampled rows of layers, by path: (members, rows, width)."""

    weights: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, Sample] = field(default_factory=dict)
    tables: dict[str, _Table] = field(default_factory=dict)

    def feel(self, path: str, layer: Any, felt: Felt) -> None:
        """Add one call of a layer, as `WayBack.blocks` tells of it."""
        import mlx.core as mx

        if felt.x is None or felt.variance is not None:
            self._feel_table(self.tables.setdefault(path, _Table()), felt)
            return
        if path not in self.samples:
            self.samples[path] = Sample.of(layer.weight.shape, _bearing(layer, felt))
        added = self._called(layer, self.samples[path], felt)
        before = self.weights.get(path)
        self.weights[path] = added if before is None else before + added
        mx.eval(self.weights[path])

    def known(self, path: str, shape: Sequence[int]) -> tuple[Sample, Any]:
        """The sample of a layer of this ``shape``, and the weights of errors in it; None where nothing came back."""
        table = self.tables.get(path)
        if table is None:
            return self.samples.get(path) or Sample.of(shape), self.weights.get(path)
        sample = Sample.of(shape, table.rows)
        return sample, table.spread(sample, shape[-2])

    def _feel_table(self, table: _Table, felt: Felt) -> None:
        import mlx.core as mx

        if felt.variance is None:
            table.columns = table.columns + mx.square(felt.gradient.astype(mx.float32)).sum(axis=0)
        else:
            squares = _flat(mx.square(felt.x.astype(mx.float32)))
            table.columns = table.columns + felt.variance.sum(axis=-1) @ squares
            rows = felt.variance.sum(axis=0)
            table.rows = rows if table.rows is None else table.rows + rows
            mx.eval(table.rows)
        mx.eval(table.columns)

    def _called(self, layer: Any, sample: Sample, felt: Felt) -> Any:
        import mlx.core as mx

        x, gradient = mx.square(felt.x.astype(mx.float32)), mx.square(felt.gradient.astype(mx.float32))
        if layer.weight.ndim == 2:
            return _products(_flat(gradient)[:, sample.rows], _flat(x))[None]
        outer = gradient.shape[:-2]
        x = _flat(mx.broadcast_to(x, (*outer, *x.shape[-2:])))
        member = mx.arange(layer.weight.shape[0]) if felt.chosen is None else felt.chosen
        member = mx.broadcast_to(mx.broadcast_to(member, outer)[..., None], gradient.shape[:-1]).reshape(-1)
        gradient = _flat(gradient)[:, sample.rows]
        return mx.stack([_products(gradient * (member == one)[:, None], x) for one in sample.members])


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A layer with its choices, and the name of the type that its numbers have in the output."""

    layer: LayerInfo
    options: tuple[Quantization, ...]
    dtype: str


def costs(wanted: Priced, weight: Any, rounding: Rounding, importance: Importance) -> Costs:
    """What each of the choices for a layer costs it, by the method of ``rounding``; ``weight`` is the layer's own."""
    import mlx.core as mx

    layer, options = wanted.layer, wanted.options
    sample, felt = importance.known(layer.path, weight.shape)
    values = sample.values(weight).astype(getattr(mx, wanted.dtype))
    inputs = sample.shares * _inputs(rounding, layer.path, sample, values.shape[-1])
    size = float(_weighed(inputs, values) or 1.0)
    output, relative = [], []
    for option in options:
        lost = _lost(layer, sample, values, option, rounding, weight.shape[-2])
        relative.append(_weighed(inputs, lost) / size)
        output.append(None if felt is None else _weighed(sample.shares * felt, lost))
    return Costs(tuple(relative), None if felt is None else tuple(output))


@dataclass(frozen=True, slots=True)
class Costs:
    """For each choice of a layer: the error ``relative`` to the layer's own output, and that of the model's ``output``,
    None when nothing came back to the layer."""

    relative: tuple[float, ...]
    output: tuple[float, ...] | None


def comparable(found: Mapping[str, Costs], tokens: int) -> dict[str, tuple[float, ...]]:
    """The errors of all layers in one measure: that of the output, as far as it is known of any layer; in nats, the
    mean of so many ``tokens``.

    A layer that nothing came back to then counts as the median layer does for the same relative error.
    """
    ratios = [
        whole / part
        for one in found.values()
        if one.output is not None
        for whole, part in zip(one.output, one.relative, strict=True)
        if part > 0
    ]
    usual = median(ratios) if ratios else 1.0
    nats = 0.5 / tokens if ratios else 1.0
    return {
        path: tuple(nats * part for part in one.output or (usual * part for part in one.relative))
        for path, one in found.items()
    }


def _bearing(layer: Any, felt: Felt) -> Any:
    """How much an error in each row of a layer weighs, about, by one call; None of a stack."""
    import mlx.core as mx

    if layer.weight.ndim > 2:
        return None
    sizes = _flat(mx.square(felt.x.astype(mx.float32))).sum(axis=-1)
    return sizes @ _flat(mx.square(felt.gradient.astype(mx.float32)))


def _lost(layer: LayerInfo, sample: Sample, values: Any, option: Quantization, rounding: Rounding, height: int) -> Any:
    """What rounding takes from the sampled rows."""
    import mlx.core as mx

    way = rounding.layer(layer.path, height)
    lost = []
    for member, rows in zip(sample.members, _each(values), strict=True):
        parts = way(member * height, rows, option)
        near = mx.dequantize(
            parts[0],
            *(part.astype(mx.float32) for part in parts[1:]),
            group_size=option.group_size,
            bits=option.bits,
        )
        lost.append(rows.astype(mx.float32) - near)
    return mx.stack(lost)


def _inputs(rounding: Rounding, path: str, sample: Sample, width: int) -> Any:
    """Mean squares of the inputs of the sampled members, (members or 1, 1, width)."""
    import mlx.core as mx

    known = rounding.inputs.get(path)
    if known is None or known.moments is None or known.trouble:
        return mx.ones((1, 1, width))
    moments = known.moments.reshape(-1, width)
    return (moments[mx.array(sample.members)] if moments.shape[0] > 1 else moments)[:, None]


def _weighed(weights: Any, values: Any) -> float:
    import mlx.core as mx

    return float((weights * mx.square(values.astype(mx.float32))).sum().item())


def _each(values: Any) -> Iterator[Any]:
    for place in range(values.shape[0]):
        yield values[place]


def _flat(values: Any) -> Any:
    return values.reshape(-1, values.shape[-1])


def _products(left: Any, right: Any) -> Any:
    """leftᵀ right."""
    from mlx_convert_engine.forward.products import at_once, crossed

    with at_once():
        return crossed(left, right)
