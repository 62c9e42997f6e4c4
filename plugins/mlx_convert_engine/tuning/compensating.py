"""Rows rounded with error feedback, begun on the grids of `tuned`, and never worse than there or than by MLX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import LayerRows
from mlx_convert_engine.forward.matrices import ROWS_AT_ONCE
from mlx_convert_engine.tuning.feedback import Feedback, Grid, compensated, losses, transposed
from mlx_convert_engine.tuning.grid import Packed, tuned
from mlx_convert_engine.tuning.packing import pack

if TYPE_CHECKING:
    from mlx_convert_engine.tuning.feedback import Floats


def compensated_rows(rows: LayerRows, feedbacks: Sequence[Feedback]) -> Packed:
    """``rows`` by the ``feedbacks`` of its matrices, computed."""
    import mlx.core as mx

    height, width = rows.values.shape
    step = max(1, ROWS_AT_ONCE // width)
    parts = [_part(rows, slice(start, start + step), feedbacks) for start in range(0, height, step)]
    packed, scales, biases = (mx.concatenate(column) for column in zip(*parts, strict=True))
    return packed, scales, biases


def _part(rows: LayerRows, some: slice, feedbacks: Sequence[Feedback]) -> Packed:
    """Some of the rows: block after block of columns, each by its own matrix."""
    import mlx.core as mx

    values, numbers = rows.values[some], rows.quantization
    moments = rows.moments if rows.moments.ndim == 1 else rows.moments[some]
    form = {"group_size": numbers.group_size, "bits": numbers.bits}
    made = [tuned(values, moments, **form), mx.quantize(values, **form)]
    mx.eval(made)
    parts, start = [], 0
    for feedback in feedbacks:
        end = start + len(feedback.order)
        ours = [_columns(one, start, end, form) for one in made]
        parts.append(_best_of(values[:, start:end], ours, feedback, form))
        start = end
    packed, scales, biases = (mx.concatenate(column, axis=1) for column in zip(*parts, strict=True))
    return packed, scales, biases


def _columns(made: Any, start: int, end: int, form: dict[str, int]) -> Packed:
    """The words, scales and biases of some columns, which begin and end with a group and a word."""
    words, scales, biases = made
    groups = slice(start // form["group_size"], end // form["group_size"])
    return words[:, start * form["bits"] // 32 : end * form["bits"] // 32], scales[:, groups], biases[:, groups]


def _best_of(values: Any, made: list[Packed], feedback: Feedback, form: dict[str, int]) -> Packed:
    """Of each row the best that is known: compensated, or as it was ``made``: tuned or nearest."""
    import mlx.core as mx
    import numpy as np

    weights = transposed(values)
    _, scales, biases = made[0]
    top, size = (1 << form["bits"]) - 1, form["group_size"]
    begun = Grid(transposed(scales), transposed(biases), size, top, lambda found: _as_stored(found, scales.dtype))
    best = made[1]
    with np.errstate(all="ignore"):  # rows that are not finite lose more than any, and stay as MLX rounds them
        least = losses(weights - _stood_for(best, form), feedback.matrix)
        numbers, grid = compensated(weights, begun, feedback)
        words = pack(mx.array(np.nan_to_num(numbers).T), form["bits"])
        ours = words, *(mx.array(part.T).astype(scales.dtype) for part in (grid.scales, grid.biases))
        for candidate in (made[0], ours):
            loss = losses(weights - _stood_for(candidate, form), feedback.matrix)
            wins = mx.array(loss < least)[:, None]
            best = tuple(mx.where(wins, new, old) for new, old in zip(candidate, best, strict=True))
            least = np.fmin(loss, least)
    mx.eval(best)
    return best


def _stood_for(made: Packed, form: dict[str, int]) -> Any:
    """The numbers (columns, rows; float32) that packed ones stand for."""
    import mlx.core as mx

    words, scales, biases = made
    return transposed(mx.dequantize(words, scales.astype(mx.float32), biases.astype(mx.float32), **form))


def _as_stored(numbers: Floats, dtype: Any) -> Floats:
    """``numbers`` as they are once they were stored in an MLX type."""
    import mlx.core as mx
    import numpy as np

    return np.asarray(mx.array(numbers).astype(dtype).astype(mx.float32))
