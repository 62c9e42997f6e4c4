"""The rounding methods of a plan: looked up by name, and handed to the converter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mlx_convert_core.errors import InvalidRequest, MlxConvertError
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.model.quantization import Preset
from mlx_convert_core.model.requests import ConvertRequest
from mlx_convert_core.model.rounding import NEAREST, Calibration, LayerRows, Needs
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.plugins.model_converters import ModelConverter, QuantizeMethod, RoundingConverter
from mlx_convert_core.remedies import LeaveOut, SetOption


def method_of(request: ConvertRequest, preset: Preset, output: OutputPlan) -> str:
    """The method by which ``output`` is to be rounded; a fixed format has nothing to choose."""
    if output.quantization is None or output.quantization.mode != "affine":
        return NEAREST
    return request.method or preset.method or NEAREST


def with_methods(converter: ModelConverter, plan: ConvertPlan, hooks: Hooks) -> ModelConverter:
    """``converter``, rounding each output of ``plan`` by its method.

    Raises InvalidRequest (code ``method``) when nobody knows a method, or the converter knows none.
    """
    methods = _methods(converter, plan, hooks)
    if not methods or not isinstance(converter, RoundingConverter):
        return converter
    by_preset = {output.preset: methods[output.method] for output in plan.outputs if output.method in methods}
    return converter.rounding(by_preset, Path(plan.request.calibration) if plan.request.calibration else None)


def examine_methods(converter: ModelConverter, plan: ConvertPlan, hooks: Hooks) -> Iterator[Finding]:
    """What is to be said of the methods before anything is read. Raises what `with_methods` raises."""
    methods = _methods(converter, plan, hooks).values()
    needing = [method for method in methods if method.needs != "nothing"]
    if needing and plan.request.discard_source:
        yield Finding(
            code="calibrate_discard",
            level="error",
            message=f"the method {needing[0].name} reads the model twice: once to see what its layers compute with, and"
            " once to round them. Its files can't be deleted after their first use.",
            hint="Keep the files until it is done, or round to nearest.",
            remedies=(LeaveOut("discard_source"), SetOption("method", NEAREST)),
        )
    yield from _fixed(plan.request, plan.outputs)


def _fixed(request: ConvertRequest, outputs: Iterable[OutputPlan]) -> Iterator[Finding]:
    """A method was asked for, and an output has a format in which there is nothing to choose."""
    for output in outputs:
        if request.method not in (None, NEAREST) and output.method == NEAREST:
            yield Finding(
                code="method_fixed",
                level="info",
                message=f"{output.label} is rounded to nearest: the method {request.method} is for the mode affine.",
            )


def changed_text(plan: ConvertPlan, calibration: Calibration | None) -> Iterator[Finding]:
    """A recipe was made with another text than the one that is gone by now."""
    wanted = plan.request.calibration_sha256
    if calibration is not None and wanted not in ("", calibration.sha256):
        other = f", of this one with {calibration.sha256[:12]}" if calibration.sha256 else ""
        yield Finding(
            code="calibration_changed",
            level="warning",
            message=f"the recipe was made with another text than {calibration.origin}: the sha256 of its text begins"
            f" with {wanted[:12]}{other}. The result will be like that of the recipe, not the same.",
            hint="Give the text that the recipe was made with to have the same bits.",
        )


def _methods(converter: ModelConverter, plan: ConvertPlan, hooks: Hooks) -> dict[str, QuantizeMethod]:
    """The methods of ``plan`` by name, without nearest, which every converter has."""
    names = dict.fromkeys(output.method for output in plan.outputs if output.method != NEAREST)
    if names and not isinstance(converter, RoundingConverter):
        raise InvalidRequest(
            f"the converter {converter.name} rounds numbers to nearest only.",
            hint="Choose the method nearest.",
            remedies=(SetOption("method", NEAREST),),
            code="method",
        )
    return {name: _named(name, plan.model, hooks) for name in names}


def _named(name: str, model: ModelInfo, hooks: Hooks) -> QuantizeMethod:
    plugin, found = hooks.first_named("quantize_method", name=name, model=model)
    if found is None:
        raise InvalidRequest(
            f"no plugin knows the method '{name}' of rounding.",
            hint="Choose the method nearest, tuned or compensated.",
            remedies=(SetOption("method", "tuned"), SetOption("method", "compensated"), SetOption("method", NEAREST)),
            code="method",
        )
    return _Guarded(found, plugin, hooks)


class _Guarded:
    """A method whose plugin is named for what it raises or gives. Implements QuantizeMethod."""

    def __init__(self, method: QuantizeMethod, plugin: str, hooks: Hooks) -> None:
        self.name = method.name
        self.needs: Needs = method.needs
        self._method = method
        self._plugin = plugin
        self._hooks = hooks

    def quantize(self, rows: LayerRows) -> tuple[Any, Any, Any]:
        """See QuantizeMethod."""
        try:
            made = tuple(self._method.quantize(rows))
        except MlxConvertError:
            raise
        except Exception as error:
            raise self._hooks.fault(self._plugin, "quantize_method", error) from error
        if len(made) != 3:
            told = f"gave {len(made)} arrays for {rows.path}, not weight, scales and biases"
            raise self._hooks.fault(self._plugin, "quantize_method", TypeError(told))
        return made
