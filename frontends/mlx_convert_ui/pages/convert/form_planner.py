"""Looks at the form's model in the background: an estimate at once, exact sizes from a worker soon after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from nicegui import background_tasks

from mlx_convert_core import ConvertPlan, ConvertRequest, Finding, MlxConvertError, ModelInfo, OutputPlan
from mlx_convert_core.plugin import NamedModel, finding_of, worst_first
from mlx_convert_ui.state.convert_form import Form, cards
from mlx_convert_ui.state.finding import FIRST, MORE, Found, Ready, can_be_searched, find, ready_made
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.remedies import Offer
from mlx_convert_ui.words import _

TYPING_SECONDS = 0.4
TEXT_ONLY = "text_only"
# Where a finding or an error is shown: beside the control that mends it.
_PLACES = {
    "exists": "output",
    "output_folder": "output",
    "not_replaceable": "output",
    "not_writable": "output",
    "disk": "output",
    TEXT_ONLY: "estimate",
    **dict.fromkeys(
        (
            *("bits", "group_size", "mode", "strategy", "method", "calibration", "preset", "nothing_quantized"),
            *("budget", "budget_small", "budget_large", "context", "context_long", "memory_unknown", "divergence"),
            *("no_adapter", "adapter_base", "adapter_unmatched", "adapter_misfit", "adapter_kind", "adapter_packed"),
        ),
        "advanced",
    ),
}


Busy = Literal["", "model", "size"]


@dataclass
class Preview:
    """What is known so far. ``busy`` says what is being found out, "" when nothing is; ``named`` is what the sources
    make of what was typed, ``found`` what can be chosen instead."""

    busy: Busy = ""
    searching: bool = False
    found: Found | None = None
    named: NamedModel | None = None
    model: ModelInfo | None = None
    error: MlxConvertError | None = None
    sizes: dict[str, OutputPlan] = field(default_factory=dict)
    plan: ConvertPlan | None = None
    ready: tuple[Ready, ...] = ()
    auto_names: tuple[str, ...] = ()

    @property
    def outputs(self) -> tuple[OutputPlan, ...]:
        """What will be made, () while that is not known."""
        return self.plan.outputs if self.plan else ()

    @property
    def there(self) -> tuple[OutputPlan, ...]:
        """Of these, what is there already."""
        return tuple(output for output in self.outputs if output.replaces is not None)

    def findings(self, place: str) -> list[Finding]:
        """What to show at ``place``: source, advanced or output; what refuses first."""
        found = list(self.plan.findings) if self.plan else []
        if self.error is not None:
            found.insert(0, finding_of(self.error))
        said = ("already_converted",) if self.ready else ()  # by the list of them, with a button for each
        return worst_first(one for one in found if place_of(one) == place and one.code not in said)

    @property
    def refused(self) -> bool:
        """Whether something stands in the way other than what a person can agree to on the page."""
        errors = [finding.code for finding in self.plan.errors] if self.plan else []
        return self.error is not None or any(code not in ("exists", TEXT_ONLY) for code in errors)

    @property
    def unfit(self) -> bool:
        """Whether the model itself stands in the way, whatever is made of it."""
        return bool(self.plan) and any(finding.level == "error" for finding in self.findings("source"))

    @property
    def text_only(self) -> tuple[Finding, ...]:
        """The finding that nothing but text is kept of the model, () while none is known: it has to be agreed to."""
        return tuple(finding for finding in self.plan.findings if finding.code == TEXT_ONLY) if self.plan else ()

    @property
    def exists(self) -> bool:
        """Whether all that is asked for is there already, and may be replaced."""
        return self.plan is not None and any(finding.code == "exists" for finding in self.plan.errors)


class FormPlanner:
    """One for each open page. Asking again makes what runs out of date; only the newest answer is shown."""

    def __init__(self, studio: Studio, form: Form, changed: Callable[[], None], offer: Offer) -> None:
        self.preview = Preview()
        self.offer = offer
        self._studio = studio
        self._form = form
        self._changed = changed
        self._turn = 0
        self._far: ModelInfo | None = None  # a model that a network was asked for, once
        self._limit = FIRST
        self._known = asyncio.Event()

    def source_changed(self, delay: float = TYPING_SECONDS) -> None:
        """Another model: everything anew, once the typing pauses."""
        self._far = None
        self._limit = FIRST
        before = self.preview.found  # stays until the next is there: a list that comes and goes can't be read
        self.preview = Preview(busy="model" if self._form.ref.strip() else "", found=before)
        self._start(delay, anew=True)

    def find_more(self) -> None:
        """The same words, and more of what has them."""
        self._limit = MORE
        self._start(0.0, anew=True)

    def choice_changed(self, delay: float = 0.0) -> None:
        """Another preset, number or output: the same model."""
        self._start(delay, anew=False)

    def look_again(self) -> None:
        """The same model, but what is there of it, or of its outputs, may have changed."""
        self._far = None
        self._start(0.0, anew=False)

    async def settled(self) -> Preview:
        """The preview, once it is about what the form says now."""
        while not self._known.is_set():
            await self._known.wait()
        return self.preview

    def close(self) -> None:
        """Show nothing any more: the page is gone."""
        self._turn += 1
        self._known.set()

    def _start(self, delay: float, *, anew: bool) -> None:
        self._turn += 1
        self._known.set()
        self._changed()
        named = bool(self._form.ref.strip())
        if named:
            self._known.clear()
        if named or anew or self.preview.found is not None:  # sizes in a list are those of the chosen preset
            background_tasks.create(self._examine(self._turn, delay, anew=anew), name="examine")

    async def _examine(self, turn: int, delay: float, *, anew: bool) -> None:
        await asyncio.sleep(delay)
        if turn != self._turn:
            return
        try:
            if not await self._is_whole(turn):
                return
            if anew or self.preview.model is None:
                await self._compare(turn, exact=False)
            await self._plan(turn)
            if turn == self._turn and not self._compared_exactly():
                await self._compare(turn, exact=True)
        except MlxConvertError as error:
            self._tell(turn, error=error, plan=None)
        finally:
            self._tell(turn, busy="", known=True)

    async def _is_whole(self, turn: int) -> bool:
        """Whether a source can be asked for what was typed; it is still the newest then. If not, it is searched for."""
        if not self._form.ref.strip():
            await self._search(turn, "")
            return False
        if self.preview.named is None:
            read, ref = self._studio.workspace.sources.read, self._form.ref
            named = await self._studio.questions.ask(lambda: read(ref) if turn == self._turn else None)
            self._tell(turn, named=named)
        named = self.preview.named
        if turn != self._turn or named is None:
            return False
        if named.whole:
            self._tell(turn, found=None)
        elif can_be_searched(named, self._studio.workspace.sources):
            await self._search(turn, named.ref)
        else:
            self._tell(turn, found=None)
        return named.whole

    async def _search(self, turn: int, words: str) -> None:
        """Models to choose from, by what was typed."""
        self._tell(turn, busy="", searching=bool(words))
        studio, preset, limit = self._studio, self._form.preset, self._limit
        found = await studio.questions.ask(lambda: find(studio, words, preset, limit) if turn == self._turn else None)
        self._tell(turn, found=found, searching=False)

    async def _compare(self, turn: int, *, exact: bool) -> None:
        """Sizes of all cards."""
        repo_id = self.preview.model.repo_id if self.preview.model else None
        names = cards(self._studio.workspace.presets, self._form.presets, repo_id)
        request = self._form.comparison(names)
        plan = await self._ask(turn, request, exact=exact)
        if plan is None or (exact and not plan.exact):
            return
        sizes = {output.preset: output for output in plan.outputs}
        self._tell(turn, model=plan.model, sizes={**self.preview.sizes, **sizes})

    async def _plan(self, turn: int) -> None:
        """The chosen outputs: their names and estimate first, then exactly."""
        self._tell(turn, busy="size")
        first = await self._ask(turn, self._unnamed(), exact=False)
        if first is None or turn != self._turn:
            return
        names = tuple(output.path.name for output in first.outputs)
        self._tell(turn, model=first.model, auto_names=names)
        request = self._form.request(names=names)
        estimate = await self._ask(turn, request, exact=False)
        known = estimate and replace(estimate, findings=(*estimate.findings, *self.preview.text_only))
        self._tell(turn, plan=known, error=None, known=True)
        if estimate is None or turn != self._turn:
            return
        await self._look_for_ready(turn, estimate.model)
        taken = tuple(finding for finding in estimate.errors if finding.code == "exists")
        if taken == estimate.errors:  # a folder that can be replaced need not keep the sizes from being exact
            exact = await self._ask(turn, replace(request, force=bool(taken)), exact=True)
            self._tell(turn, plan=exact and replace(exact, findings=(*taken, *exact.findings)))

    async def _look_for_ready(self, turn: int, model: ModelInfo) -> None:
        """What others have published of the model: known since the estimate, which has asked for it."""
        studio = self._studio
        ready = await studio.questions.ask(lambda: ready_made(studio, model) if turn == self._turn else ())
        self._tell(turn, ready=ready or ())

    async def _ask(self, turn: int, request: ConvertRequest, *, exact: bool) -> ConvertPlan | None:
        """The plan, from a thread; None when something newer was asked before it was begun."""
        plan, model = self._studio.workspace.plan, self._far
        found = await self._studio.questions.ask(
            lambda: plan(request, exact=exact, model=model) if turn == self._turn else None
        )
        if found is not None and turn == self._turn and found.model.repo_id:
            self._far = found.model
        return found

    def _unnamed(self) -> ConvertRequest:
        """The request with the core's own name for the output, which the page then shows."""
        return replace(self._form, name="", names={}).request(force=True)

    def _compared_exactly(self) -> bool:
        return all(output.exact for output in self.preview.sizes.values())

    def _tell(self, turn: int, *, known: bool = False, **news: object) -> None:
        if turn != self._turn:
            return
        for name, value in news.items():
            setattr(self.preview, name, value)
        if known:
            self._known.set()
        self._changed()


def busy_in_words(busy: Busy) -> str:
    """What is being found out, in the language of the page."""
    match busy:
        case "model":
            return _("Looking at the model …")
        case "size":
            return _("Working out the exact size …")
    return ""


def place_of(finding: Finding) -> str:
    """Where on the page a finding belongs."""
    if finding.level != "error" and finding.code not in _PLACES:
        return "estimate"
    return _PLACES.get(finding.code, "source")
