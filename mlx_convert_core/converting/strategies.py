"""The strategies of a plan: looked up by name, guarded, and those that measure first had to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlx_convert_core.errors import CorruptCheckpoint, InvalidRequest, MlxConvertError
from mlx_convert_core.model.checkpoint import Checkpoint
from mlx_convert_core.model.choosing import MeasuredLayer, ModelSizes
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.model.quantization import LayerInfo, Quantization, QuantizeStrategy
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.plugins.model_converters import (
    HereStrategy,
    MeasuredStrategy,
    MeasuringConverter,
    ModelConverter,
    ProvenStrategy,
)
from mlx_convert_core.remedies import LeaveOut, RunCommand, SetOption
from mlx_convert_core.running.context import JobContext


def strategies_of(plan: ConvertPlan, hooks: Hooks) -> dict[str, Any]:
    """The named strategy of each output that has one, by preset: a QuantizeStrategy or a MeasuredStrategy.

    Raises InvalidRequest (code ``strategy``).
    """
    return {
        output.preset: _named(output, plan, hooks)
        for output in plan.outputs
        if output.strategy is not None and output.quantization is not None
    }


def examine_strategies(converter: ModelConverter, plan: ConvertPlan, hooks: Hooks) -> list[Finding]:
    """What is to be said of the strategies before anything is read. Raises what `strategies_of` raises."""
    measuring = [one for one in strategies_of(plan, hooks).values() if isinstance(one, MeasuredStrategy)]
    if measuring and not isinstance(converter, MeasuringConverter):
        raise InvalidRequest(
            f"the converter {converter.name} can't measure what numbers do to a layer.",
            hint="Choose the bits yourself.",
            remedies=(LeaveOut("strategy"),),
            code="strategy",
        )
    findings = _promises(plan, measuring)
    if not measuring or not plan.request.discard_source:
        return findings
    return [
        *findings,
        Finding(
            code="calibrate_discard",
            level="error",
            message="bits that are chosen by measuring need the model twice: once to measure, and once to round it. Its"
            " files can't be deleted after their first use.",
            hint="Keep the files until it is done, or choose the bits yourself.",
            remedies=(LeaveOut("discard_source"),),
        ),
    ]


def _promises(plan: ConvertPlan, measuring: Sequence[MeasuredStrategy]) -> list[Finding]:
    """What is made again and again until it keeps a promise is made alone."""
    if len(plan.outputs) < 2 or not any(isinstance(one, ProvenStrategy) for one in measuring):
        return []
    return [
        Finding(
            code="divergence_outputs",
            level="error",
            message="a model that is to be so close to its source is measured before it is done: that goes for one"
            f" output, and these are {len(plan.outputs)}.",
            hint="Make one after the other.",
            remedies=(SetOption("preset", plan.outputs[0].preset),),
        )
    ]


def with_choices(
    plan: ConvertPlan,
    converter: ModelConverter,
    checkpoint: Checkpoint,
    keep: Path,
    context: JobContext,
    *,
    expected: float | None = None,
) -> ConvertPlan:
    """``plan`` with the numbers of all layers: strategies that go by what is measured have chosen.

    Each then is one that gives the same numbers again without measuring. A ProvenStrategy chooses by what is
    ``expected``, if that is told. Raises CorruptCheckpoint when the output is larger than was planned.
    """
    measuring = {
        preset: one for preset, one in strategies_of(plan, context.hooks).items() if isinstance(one, MeasuredStrategy)
    }
    planned = tuple(output for output in plan.outputs if output.preset in measuring and output.at_most)
    if not planned or not isinstance(converter, MeasuringConverter):
        return plan
    asked = {output.preset: _expecting(measuring[output.preset], expected) for output in planned}
    made = converter.choose(plan.model, checkpoint, plan.outputs, asked, keep, context)
    outputs = []
    for output in plan.outputs:
        if (choice := made.get(output.preset)) is not None:
            name = measuring[output.preset].repeated(choice.layers)
            output = replace(output, strategy=name, chosen=choice.chosen, at_most=False)
        outputs.append(output)
    chosen = replace(plan, outputs=tuple(outputs))
    exact = converter.plan(plan.model, chosen.outputs, strategies_of(chosen, context.hooks)).outputs
    for bound, output in zip(plan.outputs, exact, strict=True):
        if output.weight_bytes > bound.weight_bytes:
            raise CorruptCheckpoint(
                "the source is no longer what was planned for.",
                hint="Wait until whatever writes to it is done, and run it again.",
                code="source_changed",
            )
    return replace(chosen, outputs=exact)


def proven_of(plan: ConvertPlan, hooks: Hooks) -> ProvenStrategy | None:
    """The strategy of ``plan`` whose promise has to be measured, None when none makes one."""
    measuring = [output for output in plan.outputs if output.at_most]
    if not measuring:  # plugins are asked once for the same thing
        return None
    found = strategies_of(plan, hooks)
    promising = (found.get(output.preset) for output in measuring)
    return next((one for one in promising if isinstance(one, ProvenStrategy)), None)


def _expecting(strategy: MeasuredStrategy, expected: float | None) -> MeasuredStrategy:
    known = expected is not None and isinstance(strategy, ProvenStrategy)
    return strategy.expecting(expected) if known else strategy  # type: ignore[attr-defined]


def _named(output: OutputPlan, plan: ConvertPlan, hooks: Hooks) -> QuantizeStrategy | MeasuredStrategy:
    plugin, found = hooks.first_named(
        "quantize_strategy", name=output.strategy, model=plan.model, quantization=output.quantization
    )
    if found is None:
        raise InvalidRequest(
            f"no plugin knows the strategy '{output.strategy}'.",
            hint="The presets show the ones in use.",
            remedies=(RunCommand("presets"),),
            code="strategy",
        )
    if isinstance(found, ProvenStrategy):
        return _Proven(found, plugin, hooks)
    if isinstance(found, HereStrategy):
        return _Here(found, plugin, hooks)
    return _Measuring(found, plugin, hooks) if isinstance(found, MeasuredStrategy) else _guarded(found, plugin, hooks)


def _guarded(strategy: QuantizeStrategy, plugin: str, hooks: Hooks) -> QuantizeStrategy:
    """``strategy``, whose answers are looked at: its plugin is named for what it raises or gives."""

    def choose(layer: LayerInfo) -> Quantization | None:
        try:
            answer = strategy(layer)
        except MlxConvertError:
            raise
        except Exception as error:
            raise hooks.fault(plugin, "quantize_strategy", error) from error
        if answer is not None and not isinstance(answer, Quantization):
            told = f"gave a {type(answer).__name__} for {layer.path}, not a Quantization or None"
            raise hooks.fault(plugin, "quantize_strategy", TypeError(told))
        return answer

    return choose


class _Measuring:
    """A measured strategy whose plugin is named for what it raises or gives. Implements MeasuredStrategy."""

    def __init__(self, strategy: MeasuredStrategy, plugin: str, hooks: Hooks) -> None:
        self._strategy = strategy
        self._plugin = plugin
        self._hooks = hooks

    def options(self, layer: LayerInfo) -> Sequence[Quantization]:
        """See MeasuredStrategy."""
        found = tuple(self._asked("options", layer))
        if not found or not all(_fits(one, layer) for one in found):
            raise self._fault(f"gave numbers for {layer.path} that it can't have")
        return found

    def limit(self, sizes: ModelSizes) -> int:
        """See MeasuredStrategy."""
        found: int = self._asked("limit", sizes)
        if not isinstance(found, int) or found < sizes.least:
            raise self._fault(f"allows {found} bytes, where {sizes.least} are the least")
        return found

    def choose(self, layers: Sequence[MeasuredLayer], room: int) -> Mapping[str, Quantization]:
        """See MeasuredStrategy."""
        found: Mapping[str, Quantization] = self._asked("choose", layers, room)
        used = 0
        for layer in layers:
            sizes = [one.nbytes for one in layer.choices if one.quantization == found.get(layer.layer.path)]
            if not sizes:
                raise self._fault(f"chose none of the numbers that {layer.layer.path} was measured with")
            used += sizes[0]
        if used > room:
            raise self._fault(f"chose {used} bytes, where {room} are allowed")
        return found

    def repeated(self, choice: Mapping[str, Quantization | None]) -> str:
        """See MeasuredStrategy."""
        return str(self._asked("repeated", choice))

    def _asked(self, name: str, *values: Any) -> Any:
        try:
            return getattr(self._strategy, name)(*values)
        except MlxConvertError:
            raise
        except Exception as error:
            raise self._hooks.fault(self._plugin, "quantize_strategy", error) from error

    def _fault(self, told: str) -> MlxConvertError:
        return self._hooks.fault(self._plugin, "quantize_strategy", ValueError(told))


class _Proven(_Measuring):
    """A measured strategy that makes a promise. Implements ProvenStrategy."""

    def __init__(self, strategy: ProvenStrategy, plugin: str, hooks: Hooks) -> None:
        super().__init__(strategy, plugin, hooks)
        self.divergence = strategy.divergence

    def expecting(self, error: float) -> _Proven:
        """See ProvenStrategy."""
        return _Proven(self._asked("expecting", error), self._plugin, self._hooks)


class _Here(_Measuring):
    """A measured strategy that goes by this machine. Implements HereStrategy."""

    def __init__(self, strategy: HereStrategy, plugin: str, hooks: Hooks) -> None:
        super().__init__(strategy, plugin, hooks)
        self.context = strategy.context

    def settled(self, limit: int) -> str:
        """See HereStrategy."""
        return str(self._asked("settled", limit))


def _fits(numbers: Any, layer: LayerInfo) -> bool:
    return isinstance(numbers, Quantization) and numbers.mode == "affine" and not layer.shape[-1] % numbers.group_size
