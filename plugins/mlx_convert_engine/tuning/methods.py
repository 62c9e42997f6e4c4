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


_METHODS: tuple[type[Nearest] | type[Tuned], ...] = (Nearest, Tuned)


def method_named(name: str) -> QuantizeMethod | None:
    """The method called ``name``; None when it is none of ours."""
    return next((method() for method in _METHODS if method.name == name), None)
