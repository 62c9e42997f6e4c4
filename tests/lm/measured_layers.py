"""Layers whose choices have any sizes and errors, for properties of what chooses among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from mlx_convert_core import Quantization
from mlx_convert_core.plugin import LayerChoice, LayerInfo, MeasuredLayer

NUMBERS = tuple(Quantization(bits=bits, group_size=size) for bits in (2, 3, 4, 5, 6, 8) for size in (32, 64, 128))


@st.composite
def measured(draw: st.DrawFn) -> MeasuredLayer:
    """A layer whose choices have any sizes and errors."""
    numbers = draw(st.lists(st.sampled_from(NUMBERS), min_size=1, unique=True))
    sizes = st.integers(1, 10_000)
    choices = [LayerChoice(quantization=one, nbytes=draw(sizes), error=draw(st.floats(0, 1e6))) for one in numbers]
    return MeasuredLayer(layer=LayerInfo(path=draw(st.uuids()).hex, shape=(4, 128)), choices=tuple(choices))


layers_of = st.lists(measured(), min_size=1, max_size=12)


def cost(layers: Sequence[MeasuredLayer], chosen: Mapping[str, Quantization]) -> tuple[int, float]:
    """Bytes and errors of a choice."""
    found = [choice for one in layers for choice in one.choices if choice.quantization == chosen[one.layer.path]]
    return sum(choice.nbytes for choice in found), sum(choice.error for choice in found)


def least(layers: Sequence[MeasuredLayer]) -> int:
    return sum(min(choice.nbytes for choice in one.choices) for one in layers)
