"""Measuring what numbers do to the layers of a model, and having a strategy choose by it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlx_convert_core.plugin import (
    CorruptCheckpoint,
    Reporter,
    flush,
    read_regular,
    to_json,
)
from mlx_convert_engine.forward.blocks import Load
from mlx_convert_engine.forward.streamed import StreamedModel
from mlx_convert_engine.forward.way_back import NoWayBack, WayBack
from mlx_convert_engine.kept_inputs import digest
from mlx_convert_engine.tuning.rounding import Rounding
from mlx_convert_engine.tuning.sensitivity import Costs, Importance, Priced, comparable, costs

KEPT_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured for the output ``preset``: its layers with their choices, and how it is rounded."""

    preset: str
    layers: Mapping[str, Priced]
    rounding: Rounding


@dataclass(frozen=True, slots=True)
class Found:
    """The errors of every choice by layer, and ``reason`` why they are not those of the model's output, "" if so."""

    errors: dict[str, tuple[float, ...]]
    reason: str = ""


def measured(
    load: Load,
    sequences: Sequence[Sequence[int]],
    wanted: Sequence[Wanted],
    folder: Path,
    report: Reporter,
) -> list[Found]:
    """What each choice for each layer costs every output of ``wanted``; ``folder`` holds states meanwhile."""
    model = StreamedModel(load)
    costing = _Costing(model, wanted)
    reason = ""
    try:
        with TemporaryDirectory(dir=folder, prefix="states-") as scratch:
            back = WayBack(model, sequences, Path(scratch))
            back.forth(report)
            for path in back.blocks(costing.importance.feel, report):
                costing.take(path)
    except NoWayBack as error:
        reason = str(error)
        costing.without_importance(report)
    tokens = sum(map(len, sequences))
    return [Found(comparable(one, tokens), reason) for one in costing.found]


class _Costing:
    """Costs the choices of layers while their weights are in memory."""

    def __init__(self, model: StreamedModel, wanted: Sequence[Wanted]) -> None:
        self.importance = Importance()
        self.found: list[dict[str, Costs]] = [{} for _ in wanted]
        self._model = model
        self._wanted = wanted
        self._behind = True

    def take(self, path: str) -> None:
        """Cost the layers of the block at ``path``; with "" those outside, once both of their ends have been passed."""
        if path or not self._behind:
            self._cost(path)
        self._behind = False

    def without_importance(self, report: Reporter) -> None:
        """Cost all layers by what is known of their inputs."""
        self.importance = Importance()
        fresh = self._model.fresh_weights()
        for path in (*self._model.blocks, ""):
            report.check_cancelled()
            self._cost(path)
            self._model.let_go(path, fresh)

    def _cost(self, block: str) -> None:
        layers = self._model.layers_of(block) if block else self._model.layers_outside
        for path, layer in layers.items():
            alike: dict[tuple[str, Priced], Costs] = {}  # outputs that differ in size alone are measured once
            for wanted, found in zip(self._wanted, self.found, strict=True):
                if (priced := wanted.layers.get(path)) is not None:
                    key = (wanted.rounding.method.name, priced)
                    if key not in alike:
                        alike[key] = costs(priced, layer.weight, wanted.rounding, self.importance)
                    found[path] = alike[key]
            self.importance.weights.pop(path, None)


def kept(folder: Path, preset: str, made_from: str) -> Found | None:
    """What a conversion that died has measured for an output, None when there is nothing of the same kind."""
    try:
        found = json.loads(read_regular(folder / _file(preset), KEPT_BYTES, within=folder))
        errors = {path: tuple(map(float, costs)) for path, costs in found["errors"].items()}
        return Found(errors, str(found["reason"])) if found["made_from"] == digest(made_from) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, CorruptCheckpoint):
        return None


def keep(folder: Path, preset: str, made_from: str, found: Found) -> None:
    """Write down what was measured for an output."""
    unfinished = folder / f"unfinished-{_file(preset)}"
    unfinished.write_bytes(to_json({"made_from": digest(made_from), "reason": found.reason, "errors": found.errors}))
    flush(unfinished)
    unfinished.replace(folder / _file(preset))
    flush(folder)


def _file(preset: str) -> str:
    return f"choices-{digest(preset)[:16]}.json"
