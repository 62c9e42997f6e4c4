"""Whole numbers on a given grid, chosen so that the errors of a row's columns make good for each other.

What a row w of a weight loses when it becomes v is (w - v) H (w - v)^T, with H the mean products of its inputs. On a
fixed grid the columns are rounded one after the other, and what one loses is made good by those that follow, as far as
inputs go together (Frantar et al. 2022, GPTQ: https://arxiv.org/abs/2210.17323). With H = R R^T, R upper triangular,
the loss is the sum over columns k of R_kk^2 (e_k + sum over i < k of e_i R_ik / R_kk)^2 for the errors e = w - v: so
column k is rounded from w_k + sum e_i R_ik / R_kk. That is GPTQ's update without an inverse (Chee et al. 2023, QuIP).
Then, in turns, each number takes the value that is best beside all others, and each group the scale and bias that are
best for its numbers.

All of it is NumPy: a column of some rows is too little for a GPU to be worth starting, and products of matrices are as
fast here as anywhere on a CPU. Arrays lie columns first, so that a column is contiguous.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Stored = Callable[[Floats], Floats]

DAMPING = 0.1  # of the mean of H's diagonal, added to it: what a text says of inputs holds for others only so far
MORE_DAMPING = 1.0  # where float32 can't tell H from a singular matrix
COLUMNS = 128  # whose errors are spread one by one; to all others they go in one product of matrices
REFITS = 2  # of all scales and biases; a third is worth half of the second, and takes as long
TINY = 1e-30  # in place of nothing, below a fraction that is nothing, too


@dataclass(frozen=True, slots=True)
class Feedback:
    """How errors of some columns are made good by others: made once for a matrix, used for all its rows.

    ``matrix`` is H (columns, columns) with ``damping`` beside it, ``order`` the columns by falling H_kk, and row k of
    ``spread`` (columns, columns; in that order) the R_ik / R_kk.
    """

    matrix: Floats
    damping: np.float32
    order: NDArray[np.intp]
    spread: Floats

    @staticmethod
    def of(matrix: Floats) -> Feedback:
        """Of the mean products (columns, columns) of inputs, finite."""
        import numpy as np

        moments = matrix.diagonal()
        order = np.argsort(-moments, kind="stable")
        mean = moments.mean(dtype=np.float64)
        for damping in (DAMPING, MORE_DAMPING):
            added = np.float32(damping * mean)
            try:
                return Feedback(matrix, added, order, _spread(matrix, order, added))
            except np.linalg.LinAlgError:
                continue
        raise ValueError("the products of a layer's inputs are no matrix of products")


def _spread(matrix: Floats, order: NDArray[np.intp], damping: np.float32) -> Floats:
    import numpy as np

    backwards = order[::-1]
    turned = matrix[backwards][:, backwards]
    np.fill_diagonal(turned, turned.diagonal() + damping)
    upper = np.linalg.cholesky(turned, upper=True)
    del turned
    upper /= upper.diagonal()[:, None].copy()
    return np.ascontiguousarray(upper[::-1, ::-1])


@dataclass(frozen=True, slots=True)
class Grid:
    """The values that numbers may take: scale * q + bias for whole q from 0 to ``top``.

    ``scales`` and ``biases`` (groups, rows) are of ``size`` columns each; ``stored`` rounds others as they are stored.
    """

    scales: Floats
    biases: Floats
    size: int
    top: int
    stored: Stored

    def of(self, column: int) -> tuple[Floats, Floats]:
        """Scales and biases (rows,) of a column."""
        group = column // self.size
        return self.scales[group], self.biases[group]

    def values(self, numbers: Floats) -> Floats:
        """What whole ``numbers`` (columns, rows) stand for."""
        import numpy as np

        return numbers * np.repeat(self.scales, self.size, axis=0) + np.repeat(self.biases, self.size, axis=0)

    def rounded(self, values: Floats, column: int) -> Floats:
        """The whole numbers nearest to ``values`` (rows,) of a column."""
        import numpy as np

        scale, bias = self.of(column)
        found = np.rint((values - bias) / scale)
        return np.clip(found, 0, self.top, out=found)


def compensated(weights: Floats, grid: Grid, feedback: Feedback) -> tuple[Floats, Grid]:
    """Whole numbers (columns, rows) for ``weights`` (columns, rows), begun on ``grid``, and the grid they end on."""
    numbers = fed_back(weights, grid, feedback)
    sweep(weights, numbers, grid, feedback)
    for _ in range(REFITS):
        grid = refitted(weights, numbers, grid, feedback)
        sweep(weights, numbers, grid, feedback)
    return numbers, grid


def fed_back(weights: Floats, grid: Grid, feedback: Feedback) -> Floats:
    """Each column rounded with what the columns before it have lost."""
    import numpy as np

    numbers, lost = np.empty_like(weights), np.empty_like(weights)  # the first by column, the second by place
    spread = feedback.spread
    for start in range(0, len(weights), COLUMNS):
        block = feedback.order[start : start + COLUMNS]
        wanted = weights[block]
        if start:
            wanted += spread[start : start + len(block), :start] @ lost[:start]
        for place, column in enumerate(block, start):
            value = wanted[place - start]
            if place > start:
                value += spread[place, start:place] @ lost[start:place]
            found = numbers[column] = grid.rounded(value, column)
            scale, bias = grid.of(column)
            lost[place] = weights[column] - (scale * found + bias)
    return numbers


def sweep(weights: Floats, numbers: Floats, grid: Grid, feedback: Feedback) -> None:
    """Give each of ``numbers`` in turn, in place, the value that is best beside all others."""
    import numpy as np

    matrix, damping = feedback.matrix, feedback.damping
    lost = weights - grid.values(numbers)
    for start in range(0, len(weights), COLUMNS):
        block = slice(start, start + COLUMNS)
        slopes = matrix[block] @ lost + damping * lost[block]
        moved = np.zeros_like(slopes)
        for place, column in enumerate(range(start, start + len(slopes))):
            slope = slopes[place]
            if place:
                slope -= matrix[column, start:column] @ moved[:place]
            scale, _ = grid.of(column)
            found = np.rint(numbers[column] + slope / ((matrix[column, column] + damping) * scale))
            np.clip(found, 0, grid.top, out=found)
            np.multiply(scale, found - numbers[column], out=moved[place])
            numbers[column] = found
        lost[block] -= moved


def refitted(weights: Floats, numbers: Floats, grid: Grid, feedback: Feedback) -> Grid:
    """``grid`` with the scale and bias of each group that are best for its ``numbers``, beside all other groups."""
    import numpy as np

    matrix, damping = feedback.matrix, feedback.damping
    scales, biases = grid.scales.copy(), grid.biases.copy()
    lost = weights - grid.values(numbers)
    for group, (scale, bias) in enumerate(zip(grid.scales, grid.biases, strict=True)):
        block = slice(group * grid.size, (group + 1) * grid.size)
        slopes = matrix[block] @ lost + damping * lost[block]
        products = matrix[block, block] + damping * np.eye(grid.size, dtype=np.float32)
        scales[group], biases[group] = _refitted(numbers[block], slopes, products, (scale, bias), grid.stored)
        lost[block] -= (scales[group] - scale) * numbers[block] + (biases[group] - bias)
    return replace(grid, scales=scales, biases=biases)


def _refitted(
    numbers: Floats, slopes: Floats, products: Floats, before: tuple[Floats, Floats], stored: Stored
) -> tuple[Floats, Floats]:
    """The scales and biases (rows,) of a group, as they are stored, that change the loss most from those ``before``.

    What rows lose changes by ds and db as ds^2 q'Pq + 2 ds db q'P1 + db^2 1'P1 - 2 (ds q + db 1)' slopes, with P the
    ``products`` (columns, columns). The best b is tried, and b as it was, each with the s that is best beside it.
    """
    import numpy as np

    scale, bias = before
    weighed = products @ numbers
    qq, q1, ones = np.einsum("cr,cr->r", numbers, weighed), weighed.sum(axis=0), products.sum()
    by_scale, by_bias = np.einsum("cr,cr->r", numbers, slopes), slopes.sum(axis=0)
    determinant = qq * ones - q1 * q1
    determinant = np.where(determinant > 1e-6 * qq * ones, determinant, np.inf)
    best = np.zeros_like(scale), scale, bias
    for moved_to in (stored(bias + (by_bias * qq - by_scale * q1) / determinant), bias):
        moved = moved_to - bias
        grown_to = stored(scale + (by_scale - moved * q1) / np.maximum(qq, TINY))
        grown = grown_to - scale
        change = grown * (grown * qq + 2 * moved * q1 - 2 * by_scale) + moved * (moved * ones - 2 * by_bias)
        wins = (change < best[0]) & (grown_to != 0)
        best = tuple(np.where(wins, new, old) for new, old in zip((change, grown_to, moved_to), best, strict=True))
    return best[1], best[2]


def losses(errors: Floats, matrix: Floats) -> NDArray[np.float64]:
    """What each row loses by ``errors`` (columns, rows): e H e^T."""
    import numpy as np

    total = np.zeros(errors.shape[1])
    for start in range(0, len(errors), COLUMNS):
        block = slice(start, start + COLUMNS)
        total += np.einsum("cr,cr->r", errors[block], matrix[block] @ errors, dtype=np.float64)
    return total


def transposed(array: Any) -> Floats:
    """An array of MLX (rows, columns) as (columns, rows) in float32."""
    import mlx.core as mx
    import numpy as np

    return np.ascontiguousarray(np.asarray(array.astype(mx.float32)).T)
