"""What is left of a lazily loaded model: a blueprint of each output, its config.json, and what there is to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import (
    CorruptCheckpoint,
    DecodedModel,
    Finding,
    OutputPlan,
    QuantizeStrategy,
    account_for,
)
from mlx_convert_engine.blueprint import Blueprint, blueprint
from mlx_convert_engine.model_classes import LazyModel, ModelClasses
from mlx_convert_engine.pieces import sources_of
from mlx_convert_engine.provenance import Provenance
from mlx_convert_engine.tuning.rounding import Rounding


@dataclass(frozen=True, slots=True)
class Loaded:
    """``config`` is config.json but for how an output is quantized; ``blueprints`` are those of each output."""

    blueprints: list[Blueprint]
    config: dict[str, Any]
    findings: tuple[Finding, ...]

    def check_as_planned(self, outputs: Sequence[OutputPlan]) -> None:
        """Raise CorruptCheckpoint (code ``source_changed``) if the source has changed since it was planned."""
        for plan, output in zip(self.blueprints, outputs, strict=True):
            if plan.planned(output) != output:
                raise CorruptCheckpoint(
                    "the source is no longer what was planned for.",
                    hint="Wait until whatever writes to it is done, and run it again.",
                    code="source_changed",
                )


def loaded(
    lazy: LazyModel,
    classes: ModelClasses,
    source: DecodedModel,
    outputs: Sequence[OutputPlan],
    strategies: Mapping[str, QuantizeStrategy],
    roundings: Sequence[Rounding],
) -> Loaded:
    """What ``lazy`` becomes. Nobody may keep it, or every array would live on with it."""
    provenance = Provenance(lazy.arrays, {tensor.name: tensor for tensor in source.model.tensors})
    blueprints = [
        blueprint(lazy, classes, provenance, output, strategies.get(output.preset), rounding)
        for output, rounding in zip(outputs, roundings, strict=True)
    ]
    reached = source.parts_of(_reached(blueprints[0], provenance))  # every output is made of the same tensors
    accounted = account_for(source.stored, reached)
    for plan in blueprints:
        plan.accounted = accounted
    kept = {name: value for name, value in lazy.config.items() if name not in lazy.drops}
    changed = dict(lazy.text_only_config) if accounted.text_only else {}
    return Loaded(blueprints, kept | changed, lazy.findings)


def _reached(plan: Blueprint, provenance: Provenance) -> frozenset[str]:
    """The source tensors that an output is made of; those that a class has looked at are held to be."""
    return provenance.looked_at.union(*(sources_of(piece) for layer in plan.pieces for piece in layer))
