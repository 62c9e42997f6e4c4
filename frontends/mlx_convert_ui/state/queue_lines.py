"""What is known of each model that somebody is about to put into the queue, while the list is being written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from nicegui import background_tasks

from mlx_convert_core import ConvertPlan, ConvertRequest, Finding, MlxConvertError, ModelInfo, OutputPlan
from mlx_convert_core.plugin import finding_of, next_free
from mlx_convert_ui.state.studio import Studio

TYPING_SECONDS = 0.4
AT_ONCE = 2  # models that are asked for at a time: a Hub slows down who asks for many at once
LOOKED_AT = 40  # lines: of more, the others are looked at when their turn comes

Choice = Literal["skip", "replace", "rename"]  # what becomes of an output that is there already


@dataclass(frozen=True, slots=True)
class Line:
    """A model of the list: ``plan`` once it is known, ``error`` why there is none, neither while it is looked at."""

    ref: str
    plan: ConvertPlan | None = None
    error: MlxConvertError | None = None

    @property
    def known(self) -> bool:
        """Whether it has been looked at."""
        return self.plan is not None or self.error is not None

    @property
    def refusal(self) -> Finding | None:
        """What keeps all of it from being made, None when nothing does; what is there already is asked about."""
        if self.error is not None:
            return finding_of(self.error)
        errors = self.plan.errors if self.plan is not None else ()
        return next((one for one in errors if one.code not in ("exists", "not_replaceable")), None)

    @property
    def there(self) -> tuple[OutputPlan, ...]:
        """The outputs that are there already."""
        return tuple(one for one in self.plan.outputs if one.replaces is not None) if self.plan is not None else ()


@dataclass
class Lines:
    """Looks at the models of a list in the background. ``changed`` is called with news; what left the list is dropped.

    ``choices`` are what a person said about outputs that are there already, by folder; left out, they are skipped.
    """

    studio: Studio
    changed: Callable[[], None]
    lines: dict[str, Line] = field(default_factory=dict)
    choices: dict[Path, Choice] = field(default_factory=dict)
    _presets: tuple[str, ...] = ()
    _models: dict[str, ModelInfo] = field(default_factory=dict)
    _turn: int = 0

    def look(self, refs: Sequence[str], presets: tuple[str, ...], delay: float = TYPING_SECONDS) -> None:
        """The list is ``refs`` now, each to be made with ``presets``."""
        self._turn += 1
        same = presets == self._presets
        self._presets = presets
        kept = {ref: self.lines[ref] for ref in refs if same and ref in self.lines and self.lines[ref].known}
        self.lines = {ref: kept.get(ref, Line(ref)) for ref in refs[:LOOKED_AT]}
        self._models = {ref: model for ref, model in self._models.items() if ref in self.lines}
        self.changed()
        if presets and any(not line.known for line in self.lines.values()):
            background_tasks.create(self._look(self._turn, delay), name="queue-lines")

    def close(self) -> None:
        """Look no more."""
        self._turn += 1

    def request(self, ref: str, presets: tuple[str, ...]) -> ConvertRequest | None:
        """What to line up for ``ref``, as a person chose; None when nothing is left of it."""
        line = self.lines.get(ref)
        asked = ConvertRequest(ref=ref, preset=presets)
        if line is None or line.plan is None or not line.there:
            return asked
        wanted = [(output, self.chosen(output)) for output in line.plan.outputs]
        made = [(output.preset, _place(output, choice)) for output, choice in wanted if choice != "skip"]
        if not made:
            return None
        return replace(
            asked,
            preset=tuple(preset for preset, _ in made),
            output=tuple(str(path) for _, path in made),
            force=any(choice == "replace" for _, choice in wanted),
        )

    def chosen(self, output: OutputPlan) -> Choice | Literal["make"]:
        """What becomes of ``output``."""
        if output.replaces is None:
            return "make"
        choice = self.choices.get(output.path, "skip")
        return "skip" if choice == "replace" and output.replaces.stays else choice

    @property
    def replaced(self) -> tuple[OutputPlan, ...]:
        """What would go, by the choices, once the list is lined up."""
        outputs = [output for line in self.lines.values() for output in line.there]
        return tuple(output for output in outputs if self.chosen(output) == "replace")

    async def _look(self, turn: int, delay: float) -> None:
        await asyncio.sleep(delay)
        unknown = iter([ref for ref, line in self.lines.items() if not line.known] if turn == self._turn else [])

        async def next_ones() -> None:
            for ref in unknown:
                await self._look_at(turn, ref)

        await asyncio.gather(*(next_ones() for _ in range(AT_ONCE)))

    async def _look_at(self, turn: int, ref: str) -> None:
        """Plan one, unless the list has changed by the time that its turn comes."""
        plan, model, presets = self.studio.workspace.plan, self._models.get(ref), self._presets
        try:
            found = await self.studio.questions.ask(
                lambda: (
                    plan(ConvertRequest(ref=ref, preset=presets), exact=False, model=model)
                    if turn == self._turn
                    else None
                )
            )
            line = Line(ref, plan=found)
        except MlxConvertError as error:
            line = Line(ref, error=error)
        if line.known and ref in self.lines and presets == self._presets:  # also when other lines have changed
            if line.plan is not None:
                self._models[ref] = line.plan.model
            self.lines[ref] = line
            self.changed()


def _place(output: OutputPlan, choice: str) -> Path:
    """Where ``output`` goes."""
    return next_free(output.path) if choice == "rename" else output.path
