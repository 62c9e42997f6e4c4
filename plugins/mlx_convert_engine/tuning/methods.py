"""The methods that come along: how each rounds some rows. Nothing of mlx is imported until one does."""

from __future__ import annotations

from typing import Any

from mlx_convert_core.plugin import NEAREST, LayerRows, Needs, QuantizeMethod


class Nearest:
    """Each number goes to the nearest of MLX's own grid, as in mlx_lm.convert. Implements QuantizeMethod."""

    name = NEAREST
    needs: Needs = "nothing"

    def quantize(self, rows: LayerRows) -> tuple[Any, Any, Any]:
        """See QuantizeMethod."""
        import mlx.core as mx

        packed, scales, biases = mx.quantize(
            rows.values, group_size=rows.quantization.group_size, bits=rows.quantization.bits
        )
        return packed, scales, biases


class Tuned:
    """Grids fitted to the mean squares of a layer's inputs, see `grid`. Implements QuantizeMethod."""

    name = "tuned"
    needs: Needs = "moments"

    def quantize(self, rows: LayerRows) -> tuple[Any, Any, Any]:
        """See QuantizeMethod."""
        from mlx_convert_engine.tuning.grid import tuned

        numbers = rows.quantization
        return tuned(rows.values, rows.moments, bits=numbers.bits, group_size=numbers.group_size)


class Compensated:
    """The grids of `Tuned`; what a column loses is made good by others, see `feedback`. Implements QuantizeMethod."""

    name = "compensated"
    needs: Needs = "matrix"

    def __init__(self) -> None:
        self._prepared: tuple[Any, tuple[Any, ...]] = (None, ())

    def quantize(self, rows: LayerRows) -> tuple[Any, Any, Any]:
        """See QuantizeMethod."""
        from mlx_convert_engine.tuning.compensating import compensated_rows

        return compensated_rows(rows, self._feedbacks(rows.matrices))

    def _feedbacks(self, matrices: tuple[Any, ...]) -> tuple[Any, ...]:
        """What is made of ``matrices``: kept for the next rows of the layer, or its next output."""
        import numpy as np

        from mlx_convert_engine.tuning.feedback import Feedback

        if self._prepared[0] is not matrices:
            self._prepared = (None, ())  # the last layer's go before this one's come
            self._prepared = (matrices, tuple(Feedback.of(np.asarray(matrix)) for matrix in matrices))
        return self._prepared[1]


_METHODS: tuple[type[Nearest] | type[Tuned] | type[Compensated], ...] = (Nearest, Tuned, Compensated)


def method_named(name: str) -> QuantizeMethod | None:
    """The method called ``name``; None when it is none of ours."""
    return next((method() for method in _METHODS if method.name == name), None)
