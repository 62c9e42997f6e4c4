"""From a request to a plan: presets, names, findings and sizes. Runs in the parent."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import permutations
from pathlib import Path

from mlx_convert_core.base import units
from mlx_convert_core.base.identity import is_inside
from mlx_convert_core.base.memory import free_memory
from mlx_convert_core.base.paths import expanded, spelled
from mlx_convert_core.converting.adapting import cannot_fuse, with_adapters
from mlx_convert_core.converting.decoding import decoded_source, with_decoders
from mlx_convert_core.converting.estimate import estimate, fetch_disk
from mlx_convert_core.converting.fetching import cannot_discard
from mlx_convert_core.converting.losses import losses
from mlx_convert_core.converting.methods import examine_methods, method_of
from mlx_convert_core.converting.places import examine_output, free_disk
from mlx_convert_core.converting.preflight import examine_machine, examine_model
from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.converting.strategies import examine_strategies
from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.home.settings import Settings
from mlx_convert_core.model.findings import Finding, finding_of
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.model.quantization import DEFAULT_GROUP_SIZE, PLAIN, Preset
from mlx_convert_core.model.requests import ConvertRequest
from mlx_convert_core.model.rounding import NEAREST
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.plugins.decoding import DecodedModel, DecodingConverter
from mlx_convert_core.plugins.model_converters import ModelConverter
from mlx_convert_core.remedies import RunCommand, SetOption, UseInstead
from mlx_convert_core.writing.replaceable import what_goes
from mlx_convert_core.writing.staging import ROOM

_PLAIN = re.compile(r"[\w.-]+")  # names that may be part of a folder's


class Planner:
    """Makes the plan of one request. Raises InvalidRequest for a preset or a strategy that nobody offers."""

    def __init__(
        self, request: ConvertRequest, presets: Mapping[str, Preset], settings: Settings, hooks: Hooks
    ) -> None:
        self.settings = settings
        self.presets = tuple(preset_named(name or _unnamed(request, settings), presets) for name in request.presets)
        self.request = request
        self.ref = request.ref
        self._hooks = hooks

    def estimate(self, model: ModelInfo) -> ConvertPlan:
        """The plan with estimated sizes and every finding that needs no model class."""
        model = with_adapters(model, self.request.adapters, Sources(self._hooks))
        trusted = self.request.trust_remote_code
        findings = [*examine_machine(), *examine_model(model, Sources(self._hooks), trust_remote_code=trusted)]
        if self.request.discard_source and not model.fetch_window:
            error = cannot_discard(model)
            findings.append(finding_of(error))
        source = decoded_source(model, self.request, self._hooks)
        plan = ConvertPlan(
            request=self.request,
            model=model,
            converter="",
            outputs=tuple(estimate(source.model, output) for output in self._outputs(model)),
            findings=tuple(findings),
            fetch_bytes=model.fetch_bytes,
            fetch_disk=fetch_disk(model, self.request),
            free_memory=free_memory(),
        )
        plan = replace(plan, free_disk=free_disk(plan.outputs[0].path))
        if plan.errors:
            return plan
        return self._examined(plan, source)

    def finish(self, plan: ConvertPlan, model: ModelInfo) -> ConvertPlan:
        """An exact plan of ``model`` with what only that tells: what is left out or unquantized, space and memory."""
        plan = replace(plan, model=model)
        kept = tuple(self._kept(output) for output in plan.outputs if output.kept)
        known = {finding.code for finding in plan.findings}
        space = tuple(finding for finding in examine_output(plan) if finding.code not in known)
        return replace(plan, findings=(*plan.findings, *losses(plan), *kept, *space, *_nothing_quantized(plan)))

    def _examined(self, plan: ConvertPlan, source: DecodedModel) -> ConvertPlan:
        converter: ModelConverter | None = self._hooks.first("model_converter", model=plan.model, request=plan.request)
        if converter is None:
            missing = Finding(
                code="arch",
                level="error",
                message=f"no plugin can convert {plan.model.name} (model type '{plan.model.model_type}').",
                hint="Look at the plugins that were loaded.",
                remedies=(RunCommand("plugins list"),),
            )
            return replace(plan, findings=(*plan.findings, missing))
        plan = replace(plan, converter=converter.name)
        reading = with_decoders(converter, source)
        if plan.model.adapters and not isinstance(converter, DecodingConverter):
            return replace(plan, findings=(*plan.findings, cannot_fuse(converter.name)))
        if reading is not converter or source.findings:
            converter = reading
            plan = replace(plan, findings=(*plan.findings, *map(self._offered, source.findings)))
        noticed = (
            *examine_strategies(converter, plan, self._hooks),
            *examine_methods(converter, plan, self._hooks),
        )
        examined = (self._offered(finding) for finding in converter.examine(plan))
        found = (*plan.findings, *noticed, *examined, *examine_output(plan))
        plan = replace(plan, findings=found)
        return replace(plan, findings=(*found, *self._hooks.collect("pre_convert", Finding, plan=plan)))

    def _offered(self, finding: Finding) -> Finding:
        """``finding`` without models to convert instead that no source takes: a page may name anything as its base."""
        sources = Sources(self._hooks)
        kept = (step for step in finding.remedies if not isinstance(step, UseInstead) or sources.offers(step.ref))
        return replace(finding, remedies=tuple(kept))

    def _outputs(self, model: ModelInfo) -> list[OutputPlan]:
        request = self.request
        outputs = []
        for index, preset in enumerate(self.presets):
            quantization = request.quantization_over(preset.quantization)
            output = OutputPlan(
                preset=preset.name,
                path=Path(),
                quantization=quantization,
                strategy=request.strategy or (preset.strategy if quantization == preset.quantization else None),
                dtype=request.dtype or preset.dtype,
            )
            output = replace(output, method=method_of(request, preset, output))
            output = replace(output, label=self._label(output))
            named = expanded(request.outputs[index]) if request.outputs else self._default_path(model, output)
            path = spelled(named.resolve() if ".." in named.parts else named.absolute(), room=ROOM)
            there = what_goes(path, source=model.path) if os.path.lexists(path) else None
            outputs.append(replace(output, path=path, replaces=there))
        _check_apart(outputs)
        return outputs

    def _default_path(self, model: ModelInfo, output: OutputPlan) -> Path:
        return expanded(self.settings.output_folder) / f"{model.name}-MLX-{output.label}"

    def _label(self, output: OutputPlan) -> str:
        """What is made, in a word: the preset, or what the request made of it. A folder's name ends so."""
        preset = next(preset for preset in self.presets if preset.name == output.preset)
        numbers = (output.quantization, output.strategy, output.dtype)
        if numbers == (preset.quantization, preset.strategy, preset.dtype):
            return preset.name if output.method == (preset.method or NEAREST) else f"{preset.name}{_end(output.method)}"
        if output.quantization is None:
            return output.dtype or output.preset
        if output.quantization.mode != "affine":
            return output.quantization.mode
        bits = f"{output.quantization.bits}bit"
        group = f"-g{output.quantization.group_size}" if output.quantization.group_size != DEFAULT_GROUP_SIZE else ""
        plain = (output.strategy or "").replace(":", "-", 1)  # bpw:4.5
        named = plain if _PLAIN.fullmatch(plain) else ""
        method = _end(output.method) if output.method != NEAREST else ""
        return f"{named or f'{bits}{group}'}{'-mixed' if output.strategy and not named else ''}{method}"

    def _kept(self, output: OutputPlan) -> Finding:
        size = sum(layer.nbytes for layer in output.kept)
        reasons = sorted({layer.reason for layer in output.kept})
        return Finding(
            code="layers_kept",
            level="info",
            message=f"{output.label}: {len(output.kept)} layers ({units.size(size)}) stay unquantized: "
            f"{'; '.join(reasons)}.",
            hint="mlx_convert.json lists them.",
        )


def _unnamed(request: ConvertRequest, settings: Settings) -> str:
    """The preset of a request that names none."""
    numbers = (request.bits, request.group_size, request.mode, request.strategy, request.method)
    return PLAIN if request.dequantize and not any(numbers) else settings.preset


def _end(method: str) -> str:
    """The end of a folder's name for a method."""
    plain = method.replace(":", "-", 1)  # mlx-lm:gptq
    return f"-{plain}" if _PLAIN.fullmatch(plain) else "-rounded"


def _nothing_quantized(plan: ConvertPlan) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            code="nothing_quantized",
            level="error",
            message=f"{output.label}: no layer of {plan.model.name} can be quantized with {output.quantization}.",
            hint="Choose a smaller group size, or convert it without quantization.",
            remedies=(SetOption("group_size", 32), SetOption("preset", "bf16")),
        )
        for output in plan.outputs
        if output.quantization is not None and not output.quantized and not output.at_most
    )


def preset_named(name: str, presets: Mapping[str, Preset]) -> Preset:
    """The preset ``name``; raises InvalidRequest (code ``preset``) when nobody offers it."""
    if name in presets:
        return presets[name]
    close = get_close_matches(name, presets, n=1)
    raise InvalidRequest(
        f"there is no preset '{name}'.",
        hint=f"Did you mean {close[0]}?" if close else "",
        remedies=(RunCommand("presets"),),
        code="preset",
    )


def _check_apart(outputs: Sequence[OutputPlan]) -> None:
    """Raise InvalidRequest when two outputs would be written to one folder, or one into another."""
    for one, other in permutations(outputs, 2):
        if is_inside(one.path, other.path):
            both = is_inside(other.path, one.path)
            raise InvalidRequest(
                f"two outputs would go to {one.path}." if both else f"{one.path} would lie in {other.path}.",
                hint="Give each preset an output folder of its own.",
                code="same_output",
            )
