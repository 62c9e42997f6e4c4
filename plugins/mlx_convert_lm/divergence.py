"""The strategy ``kl:0.05``: the smallest model whose KL divergence from its source is at most so much, as measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mlx_convert_core.plugin import (
    InvalidRequest,
    LayerInfo,
    MeasuredLayer,
    ModelSizes,
    Quantization,
    SetOption,
)
from mlx_convert_lm.budget import affine_only, all_options, as_map, shared_out

DIVERGENCE = "kl:"


def divergence_named(name: str, quantization: Quantization) -> Divergence | None:
    """The strategy called ``name``, None when it is none of these. Raises InvalidRequest (``divergence``, ``mode``)."""
    if not name.startswith(DIVERGENCE):
        return None
    affine_only(quantization)
    try:
        most = float(name.partition(":")[2])
    except ValueError:
        most = math.nan
    if not 0 < most < math.inf:
        raise InvalidRequest(
            f"'{name.partition(':')[2].strip()}' is no KL divergence.",
            hint="Give a number of nats such as 0.05, which is close to the source; the same as it is 0.",
            remedies=(SetOption("strategy", DIVERGENCE + "0.05"),),
            code="divergence",
        )
    return Divergence(divergence=most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """At most ``divergence`` nats, and as few bytes as that takes. Implements ProvenStrategy.

    Chosen is by what layers are ``expected`` to do together, which is not what is measured of the whole.
    """

    divergence: float
    expected: float | None = None

    def expecting(self, error: float) -> Divergence:
        """See ProvenStrategy."""
        return replace(self, expected=error)

    def options(self, layer: LayerInfo) -> tuple[Quantization, ...]:
        """See MeasuredStrategy: all that MLX has of the mode affine."""
        return all_options(layer)

    def limit(self, sizes: ModelSizes) -> int:
        """See MeasuredStrategy."""
        return sizes.most

    def choose(self, layers: Sequence[MeasuredLayer], room: int) -> Mapping[str, Quantization]:
        """See MeasuredStrategy."""
        return shared_out(layers, room, enough=self.divergence if self.expected is None else self.expected)

    def repeated(self, choice: Mapping[str, Quantization | None]) -> str:
        """See MeasuredStrategy."""
        return as_map(choice)
