"""Grids of scale and bias fitted to the inputs of a layer, group by group.

For the weights w of a group and the second moments h of the inputs that they are multiplied with, s, b and whole
numbers q are sought with a small sum of h (w - (s q + b))^2: the error that the group adds to the layer's output when
its inputs are not correlated. Both ends of the range are drawn in on a coarse grid, then on two finer ones around the
best. Each pair of ends is judged by the s and b that fit its q best (weighted least squares); the winner is fitted to
what MLX really stores, s and b in the type of the weights, whose rounding is part of the search.

A group that this does not improve keeps the words of mx.quantize, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlx_convert_engine.tuning.packing import pack

Packed = tuple[Any, Any, Any]
"""Weight (uint32), scales and biases, as mx.quantize gives them."""

# How much of its range a group may lose at either end: with inputs of which few are strong, the best lose as much.
SHRINK = {2: 0.4, 3: 0.28, 4: 0.16, 5: 0.08, 6: 0.04, 8: 0.01}
COARSE = 4  # places of each end
FINER = 2  # rounds of halved steps around the best pair: together as good as 8 x 8 pairs, with 24 instead of 64
REFITS = 2
TWO_SIDED_BITS = 6  # from here on it matters which end of a group the bias stands for: the nearer to 0 is finer
LEAST_MOMENT = 1e-4  # of the mean: an input that was silent in the text that was seen may speak in another
TILE = 1 << 17  # weights at once: on a CPU what stays in a core's cache
GPU_TILE = 1 << 22
_ROUNDING = (
    12582912.0  # 1.5 * 2^23: added and taken away again, it leaves float32 rounded to whole numbers (ties to even)
)


def tuned(weight: Any, moments: Any, *, bits: int, group_size: int) -> Packed:
    """``weight`` (rows, width; floats) quantized with grids fitted to ``moments``.

    ``moments`` (width, or rows x width; float32, finite, not negative, not all 0) are mean squares of the inputs.
    Scales and biases have the type of ``weight``. The same numbers give the same bits, however rows are cut into calls.
    """
    import mlx.core as mx

    rows, width = weight.shape
    tile = TILE if mx.default_device() == mx.cpu else GPU_TILE
    step = max(1, tile // width)
    importance = _importance(moments)
    parts = []
    for start in range(0, rows, step):
        own = importance if importance.shape[0] == 1 else importance[start : start + step]
        part = _tile(weight[start : start + step], own, bits, group_size)
        mx.async_eval(part)  # now, while the tile is in the cache
        parts.append(part)
    if len(parts) == 1:
        return parts[0]
    packed, scales, biases = (mx.concatenate(column) for column in zip(*parts, strict=True))
    return packed, scales, biases


def _importance(moments: Any) -> Any:
    """``moments`` as (1 or rows, width), none of them nothing."""
    import mlx.core as mx

    table = moments.astype(mx.float32).reshape(-1, moments.shape[-1])
    return mx.maximum(table, LEAST_MOMENT * mx.mean(table, axis=-1, keepdims=True))


@dataclass(slots=True)
class _Groups:
    """The groups of some rows: weights (rows, groups, size), importance likewise (or of 1 row) and its sums."""

    weights: Any
    importance: Any
    total: Any
    top: int
    dtype: Any


def _tile(weight: Any, importance: Any, bits: int, group_size: int) -> Packed:
    import mlx.core as mx

    nearest, scales, biases = mx.quantize(weight, group_size=group_size, bits=bits)
    shape = (weight.shape[0], -1, group_size)
    weights = weight.astype(mx.float32).reshape(shape)
    near = mx.dequantize(
        nearest, scales.astype(mx.float32), biases.astype(mx.float32), group_size=group_size, bits=bits
    )
    importance = importance.reshape(importance.shape[0], -1, group_size)
    groups = _Groups(weights, importance, _sum(importance), (1 << bits) - 1, weight.dtype)
    best = (_sum(importance * mx.square(weights - near.reshape(shape))), scales[..., None], biases[..., None])
    better = mx.zeros(best[0].shape, dtype=mx.bool_)
    chosen = mx.zeros_like(weights)
    for scale, bias in _fitted(groups, two_sided=bits >= TWO_SIDED_BITS):
        values = _values(groups, scale, bias)
        error = _sum(importance * mx.square(weights - (scale * values + bias)))
        wins = error < best[0]
        better = better | wins
        chosen = mx.where(wins, values, chosen)
        found = (error, scale.astype(weight.dtype), bias.astype(weight.dtype))
        best = tuple(mx.where(wins, new, old) for new, old in zip(found, best, strict=True))
    words = pack(chosen.reshape(weight.shape), bits).reshape(*better.shape[:2], -1)
    packed = mx.where(better, words, nearest.reshape(words.shape)).reshape(nearest.shape)
    return packed, best[1][..., 0], best[2][..., 0]


def _fitted(groups: _Groups, *, two_sided: bool) -> Iterator[tuple[Any, Any]]:
    """Scales and biases (rows, groups, 1; float32 that the weights' type holds) to choose from."""
    scale, bias = _best_ends(groups)
    starts = [(scale, bias), (-scale, bias + groups.top * scale)]
    for one in starts if two_sided else starts[:1]:
        for number in range(REFITS):
            one = _refitted(groups, *one, stored=number > 0)
        yield one


def _best_ends(groups: _Groups) -> tuple[Any, Any]:
    """The least-squares scale and bias (float32) of the best pair of ends.

    All is counted in steps of the whole range and from the weighted mean, so that the error of the best fit for given
    q is that of the mean alone less X^2 / V, with X the covariance of w and q and V the variance of q.
    """
    import mlx.core as mx

    weights, importance, total, top = groups.weights, groups.importance, groups.total, groups.top
    low, high = mx.min(weights, axis=-1, keepdims=True), mx.max(weights, axis=-1, keepdims=True)
    step = mx.where(high > low, (high - low) / top, 1)
    mean = _sum(importance * weights) / total
    centred = (weights - mean) / step

    def judged(low: Any, high: Any) -> tuple[Any, ...]:
        values = _rounded((centred - low) * (top / (high - low)), top)
        weighted = importance * values
        sums = _sum(weighted)
        variance = mx.maximum(_sum(weighted * values) - sums * sums / total, 1e-20)
        covariance = _sum(weighted * centred)
        slope = covariance / variance
        return covariance * slope, low, high, slope, sums

    def better(new: tuple[Any, ...], old: tuple[Any, ...]) -> tuple[Any, ...]:
        wins = new[0] > old[0]
        return tuple(mx.where(wins, one, other) for one, other in zip(new, old, strict=True))

    low, high = (low - mean) / step, (high - mean) / step
    move = SHRINK[top.bit_length()] * top / (COARSE - 1)
    best = judged(low, high)
    for left in range(COARSE):
        for right in range(COARSE):
            if left or right:
                best = better(judged(low + left * move, high - right * move), best)
    for _ in range(FINER):
        move /= 2
        _, low, high, *_ = best
        for left in (-move, move):
            for right in (-move, move):
                best = better(judged(low + left, high + right), best)
    *_, slope, sums = best
    return slope * step, mean - slope * step * sums / total


def _refitted(groups: _Groups, scale: Any, bias: Any, *, stored: bool) -> tuple[Any, Any]:
    """The best scale and bias that can be stored for the q of this grid; itself among them, if it is ``stored`` so.

    For three biases at and beside the best one: the scale that is best with it. Errors are counted in the residuals of
    the grid, where float32 is exact enough for 8 bits.
    """
    import mlx.core as mx

    importance, total = groups.importance, groups.total
    scaled = (groups.weights - bias) / scale
    values = _rounded(scaled, groups.top)
    residual = scaled - values
    by_residual, by_value = importance * residual, importance * values
    rr, rq, r1 = _sum(by_residual * residual), _sum(by_residual * values), _sum(by_residual)
    qq, q1 = _sum(by_value * values), _sum(by_value)
    determinant = qq * total - q1 * q1
    determinant = mx.where(determinant > 1e-6 * qq * total, determinant, mx.inf)
    biases = _neighbours(bias + scale * (r1 * qq - rq * q1) / determinant, groups.dtype)
    moved = (biases - bias) / scale
    scales = (scale + scale * (rq - moved * q1) / mx.maximum(qq, 1e-30)).astype(groups.dtype).astype(mx.float32)
    if stored:
        scales, biases = mx.concatenate([scale, scales], axis=-1), mx.concatenate([bias, biases], axis=-1)
        moved = (biases - bias) / scale
    grown = (scales - scale) / scale
    errors = rr - 2 * grown * rq - 2 * moved * r1 + grown * (grown * qq + 2 * moved * q1) + moved * moved * total
    place = mx.argmin(mx.where(errors == errors, errors, mx.inf), axis=-1, keepdims=True)
    return mx.take_along_axis(scales, place, axis=-1), mx.take_along_axis(biases, place, axis=-1)


def _neighbours(values: Any, dtype: Any) -> Any:
    """(..., 1) floats rounded to ``dtype``, with the next ones of that type on both sides: (..., 3) float32."""
    import mlx.core as mx

    rounded = values.astype(dtype)
    if dtype == mx.float32:
        return rounded
    whole = rounded.view(mx.uint16).astype(mx.int32) + mx.array([0, -1, 1])
    return whole.astype(mx.uint16).view(dtype).astype(mx.float32)  # -1 from 0 is NaN, which no error chooses


def _values(groups: _Groups, scale: Any, bias: Any) -> Any:
    return _rounded((groups.weights - bias) / scale, groups.top)


def _rounded(values: Any, top: int) -> Any:
    """Float32 values rounded to whole numbers from 0 to ``top``."""
    import mlx.core as mx

    values = mx.minimum(mx.maximum(values, 0), top)
    if mx.default_device() == mx.cpu:  # there mx.round takes as long as four other operations
        return (values + _ROUNDING) - _ROUNDING
    return mx.round(values)


def _sum(values: Any) -> Any:
    import mlx.core as mx

    return mx.sum(values, axis=-1, keepdims=True)
