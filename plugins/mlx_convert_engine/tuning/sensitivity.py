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

SHARE = 16  # one row in so many is rounded with every choice; rows of a layer lose much the same
LEAST_ROWS = 48
MOST_ROWS = 1024
MEMBERS = 4  # of a stack of experts


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of a layer that stand for all: ``rows`` of each of ``members`` of a stack (one, if it is none); ``share`` is
    how many rows each stands for."""

    members: tuple[int, ...]
    rows: Any
    share: float

    @staticmethod
    def of(shape: Sequence[int]) -> Sample:
        """The sample of a weight of ``shape`` (..., rows, width)."""
        import mlx.core as mx

        stack = shape[0] if len(shape) > 2 else 1
        height = shape[-2]
        members = tuple(sorted({stack * place // MEMBERS for place in range(MEMBERS)}))
        together = height * len(members)
        step = max(1, min(SHARE, together // LEAST_ROWS), together // MOST_ROWS)
        rows = mx.arange(step // 2, height, step)
        return Sample(members, rows, stack * height / (len(members) * rows.size))

    def values(self, weight: Any) -> Any:
        """The rows of a weight, (members, rows, width)."""
        import mlx.core as mx

        stack = weight.reshape(-1, *weight.shape[-2:])
        return mx.stack([stack[member][self.rows] for member in self.members])


@dataclass(slots=True)
class Importance:
    """The weights of errors in the sampled rows of layers, by path: (members, rows, width)."""

    weights: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, Sample] = field(default_factory=dict)

    def feel(self, path: str, layer: Any, felt: Felt) -> None:
        """Add one call of a layer, as `WayBack.blocks` tells of it."""
        import mlx.core as mx

        sample = self.samples.setdefault(path, Sample.of(layer.weight.shape))
        if felt.x is None:
            added = _evenly(mx.square(felt.gradient.astype(mx.float32)).sum(axis=0), layer, sample)
        elif felt.variance is not None:
            squares = _flat(mx.square(felt.x.astype(mx.float32)))
            added = _evenly(felt.variance.sum(axis=-1) @ squares, layer, sample)
        else:
            added = self._called(layer, sample, felt)
        before = self.weights.get(path)
        self.weights[path] = added if before is None else before + added
        mx.eval(self.weights[path])

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
    sample = importance.samples.get(layer.path) or Sample.of(weight.shape)
    values = sample.values(weight).astype(getattr(mx, wanted.dtype))
    inputs = _inputs(rounding, layer.path, sample, values.shape[-1])
    felt = importance.weights.get(layer.path)
    size = float(_weighed(inputs, values) or 1.0)
    output, relative = [], []
    for option in options:
        lost = _lost(layer, sample, values, option, rounding, weight.shape[-2])
        relative.append(_weighed(inputs, lost) / size)
        output.append(None if felt is None else sample.share * _weighed(felt, lost))
    return Costs(tuple(relative), None if felt is None else tuple(output))


@dataclass(frozen=True, slots=True)
class Costs:
    """For each choice of a layer: the error ``relative`` to the layer's own output, and that of the model's ``output``,
    None when nothing came back to the layer."""

    relative: tuple[float, ...]
    output: tuple[float, ...] | None


def comparable(found: Mapping[str, Costs]) -> dict[str, tuple[float, ...]]:
    """The errors of all layers in one measure: that of the output, as far as it is known of any layer.

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
    return {path: one.output or tuple(usual * part for part in one.relative) for path, one in found.items()}


def _evenly(weights: Any, layer: Any, sample: Sample) -> Any:
    """What all rows of a table bear together, on each of the sampled ones alike.

    A few words bear most of it: which of them a sample finds would decide, while all rows lose much the same.
    """
    import mlx.core as mx

    return mx.broadcast_to(weights / layer.weight.shape[0], (1, sample.rows.size, weights.size))


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
