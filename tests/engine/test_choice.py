"""Which layers are quantized: what a library spares stays whole, whatever a strategy would do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import mlx.nn as nn
import pytest
from mlx_convert_engine.choice import Asking, Chooser
from mlx_convert_engine.model_classes import LazyModel

from mlx_convert_core import Quantization
from mlx_convert_core.plugin import LayerInfo, MeasuredLayer, ModelSizes, QuantizeStrategy

FOUR = Quantization(bits=4, group_size=64)


class Measured:
    """A strategy that measures first. Implements MeasuredStrategy."""

    def options(self, layer: LayerInfo) -> Sequence[Quantization]:
        return (FOUR,)

    def limit(self, sizes: ModelSizes) -> int:
        return 0

    def choose(self, layers: Sequence[MeasuredLayer], room: int) -> Mapping[str, Quantization]:
        return {}

    def repeated(self, choice: Mapping[str, Quantization | None]) -> str:
        return ""


@pytest.mark.parametrize("strategy", [lambda: None, lambda: lambda layer: FOUR, lambda: Asking(Measured())])
def test_layers_that_a_library_spares_stay_whole(strategy: Callable[[], QuantizeStrategy | None]) -> None:
    layer = nn.Linear(64, 8)
    asked = strategy()
    lazy = LazyModel(model=layer, config={}, arrays={}, spared=lambda path: path.startswith("vision"))
    chooser = Chooser(lazy, FOUR, asked)
    assert chooser.choose("vision.q", layer) == "its model class keeps it"
    assert chooser.choose("text.q", layer) == FOUR
    if isinstance(asked, Asking):
        assert list(asked.asked) == ["text.q"]
