"""What mlx-lm's tools are called here: three methods, ``mlx-lm:gptq`` and so on, and a strategy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from mlx_convert_core.plugin import (
    ConversionFailed,
    ConvertRequest,
    InvalidRequest,
    LayerInfo,
    LayerRows,
    MeasuredLayer,
    ModelSizes,
    Needs,
    Quantization,
    SetOption,
    bits_to_ask,
    units,
)
from mlx_convert_lm.budget import affine_only, as_map

PREFIX = "mlx-lm:"
Tool = Literal["awq", "dwq", "gptq"]
TOOLS: tuple[Tool, ...] = ("awq", "dwq", "gptq")
DYNAMIC = PREFIX + "dynamic_quant"
_NEXT = {2: 3, 3: 4, 4: 5, 5: 6, 6: 8}  # bits of the layers that matter more; mlx-lm's own default is 5 beside 4
MORE = 0.5  # bits per weight beyond those of the smallest layers, scales included: mlx-lm's own default is 5.0 for 4


def tool_of(method: str | None) -> Tool | None:
    """The tool that a method's name means."""
    name = (method or "").removeprefix(PREFIX)
    return cast("Tool", name) if (method or "").startswith(PREFIX) and name in TOOLS else None


def wants_tools(request: ConvertRequest) -> bool:
    """Whether a conversion is for one of mlx-lm's tools."""
    return tool_of(request.method) is not None or (request.strategy or "").startswith(DYNAMIC)


@dataclass(frozen=True, slots=True)
class ToolMethod:
    """A tool that makes all layers of a model together; no row is rounded alone. Implements QuantizeMethod."""

    name: str
    needs: Needs = "moments"

    def quantize(self, rows: LayerRows) -> tuple[Any, Any, Any]:
        """See QuantizeMethod. Raises ConversionFailed (code ``tool_alone``)."""
        raise ConversionFailed(
            f"{self.name} makes a whole model, and was asked for the layer {rows.path} alone.",
            hint="Another plugin converts this model: choose the method tuned.",
            remedies=(SetOption("method", "tuned"),),
            code="tool_alone",
        )


def method_named(name: str) -> ToolMethod | None:
    """The method called ``name``, None when it is none of these."""
    return ToolMethod(name) if tool_of(name) is not None else None


def dynamic_named(name: str, quantization: Quantization) -> Dynamic | None:
    """The strategy called ``name``: ``mlx-lm:dynamic_quant``, or ``mlx-lm:dynamic_quant-4.5`` for so many bits per
    weight. None when it is none of these. Raises InvalidRequest (codes ``budget``, ``mode``)."""
    if not name.startswith(DYNAMIC):
        return None
    affine_only(quantization)
    text = name.removeprefix(DYNAMIC)
    if text and not re.fullmatch(r"-\d{1,2}(\.\d{1,4})?", text):
        raise InvalidRequest(
            f"'{text.removeprefix('-')}' is no number of bits per weight.",
            hint="Give a number such as 4.5, or none.",
            remedies=(SetOption("strategy", DYNAMIC + "-4.7"), SetOption("strategy", DYNAMIC)),
            code="budget",
        )
    return Dynamic(low=quantization, bits=float(text.removeprefix("-")) if text else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamic:
    """``low`` numbers for most layers and one step more for those that matter: as many as ``bits`` per weight allow,
    None for half a bit more than all of them take. Implements MeasuredStrategy."""

    low: Quantization
    bits: float | None = None

    @property
    def high(self) -> Quantization:
        """The numbers of the layers that matter."""
        return Quantization(bits=_NEXT.get(self.low.bits, 8), group_size=self.low.group_size)

    def options(self, layer: LayerInfo) -> tuple[Quantization, ...]:
        """See MeasuredStrategy."""
        return (self.low,) if self.low == self.high else (self.low, self.high)

    def limit(self, sizes: ModelSizes) -> int:
        """See MeasuredStrategy. Raises InvalidRequest (code ``budget_small``)."""
        least = 8 * sizes.least / sizes.parameters
        limit = int((least + MORE if self.bits is None else self.bits) * sizes.parameters / 8)
        if limit < sizes.least:
            raise InvalidRequest(
                f"{units.bits_per_weight(self.bits or 0)} are too few: with {self.low} for every layer, the model has"
                f" {units.bits_per_weight(least)}.",
                hint="Allow as much, or begin with fewer bits.",
                remedies=(SetOption("strategy", f"{DYNAMIC}-{bits_to_ask(sizes.least, sizes.parameters):g}"),),
                code="budget_small",
            )
        return limit

    def choose(self, layers: Sequence[MeasuredLayer], room: int) -> Mapping[str, Quantization]:
        """See MeasuredStrategy: as mlx-lm does, more for all layers above a threshold, the lowest that has room."""
        chosen = {one.layer.path: one.choices[0].quantization for one in layers}
        room -= sum(one.choices[0].nbytes for one in layers)
        for one in sorted(layers, key=lambda one: (-one.choices[0].error, one.layer.path)):
            room -= one.choices[-1].nbytes - one.choices[0].nbytes
            if room < 0:
                break
            chosen[one.layer.path] = one.choices[-1].quantization
        return chosen

    def repeated(self, choice: Mapping[str, Quantization | None]) -> str:
        """See MeasuredStrategy."""
        return as_map(choice)
