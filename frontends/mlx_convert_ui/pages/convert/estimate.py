"""The card that says what comes out, and holds the one primary button."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from mlx_convert_core import ConvertPlan, OutputPlan
from mlx_convert_core.plugin import fit, fit_into, memory_now, units
from mlx_convert_ui import wording
from mlx_convert_ui.pages.convert.form_planner import TEXT_ONLY, FormPlanner, Preview, busy_in_words
from mlx_convert_ui.state.convert_form import Form
from mlx_convert_ui.widgets.components import Badge, Button, Tag, block, card, facts, progress_bar, set_progress
from mlx_convert_ui.widgets.fitting import fit_words, show_fit
from mlx_convert_ui.widgets.remedies import Offer, tell
from mlx_convert_ui.words import _, joined, plural


class EstimateCard:
    """Draws itself on creation; `draw` shows what the planner knows."""

    def __init__(
        self, form: Form, agreed: Callable[[], Any], start: Callable[[], Any], enqueue: Callable[[], Any]
    ) -> None:
        self._form = form
        self._agreed = agreed
        self._drawn: object = None
        with card(_("Estimate"), classes="sticky"):
            self._body = block("").props("aria-live=polite")
            with block("convert-bar"):
                self._sum = Tag("p", "", "convert-sum").props("aria-hidden=true")  # it stands above, too
                self._button = Button(_("Convert"), start, icon="play", kind="primary", classes="btn-wide").mark(
                    "convert"
                )
            self._later = Button(_("Add to queue"), enqueue, icon="list-plus", kind="ghost", classes="btn-wide")
            self._later.mark("enqueue")
            self._foot = Tag("p", "", "estimate-foot")

    def draw(self, planner: FormPlanner) -> None:
        """Show sizes, memory, disk and findings; the button says what it will do."""
        preview = planner.preview
        now = (preview.plan, preview.busy, preview.refused, preview.error, preview.model, preview.ready)
        if now != self._drawn:
            self._drawn = now
            self._body.clear()
            with self._body:
                _content(preview, self._consent, planner.offer)
        waits = preview.refused or bool(preview.text_only and not self._form.text_only)
        self._button.show(_action(preview, waits=waits))
        self._sum.show(_in_a_line(preview, waits=waits))
        self._button.enable(preview.plan is not None and not waits)
        self._later.enable(preview.plan is not None and not waits)
        self._foot.show(_attention() if waits else _("Runs in the background; you can keep working."))

    def _consent(self) -> None:
        """Ask whether the text model alone is enough."""
        box = ui.checkbox(_("Convert only the text model"), value=self._form.text_only, on_change=self._answered)
        box.mark("text-only")

    def _answered(self, event: ValueChangeEventArguments) -> None:
        self._form.text_only = bool(event.value)
        self._agreed()


def _action(preview: Preview, *, waits: bool) -> str:
    """What the button does."""
    if preview.exists and not waits:
        return _("Replace and convert")
    if len(preview.outputs) < 2:
        return _("Convert")
    return plural("Convert {count:,} model", "Convert {count:,} models", len(preview.outputs))


def _attention() -> str:
    return _("Something above needs your attention first.")


def _content(preview: Preview, consent: Callable[[], None], offer: Offer) -> None:
    plan = preview.plan
    if plan is None or preview.unfit or not all(output.weight_bytes for output in plan.outputs):
        text = busy_in_words(preview.busy) or _("Name a model to see its size before anything is downloaded.")
        if preview.unfit:
            text = _("There is nothing to estimate. The reason is below the model's name.")
        with block("row-line").style("margin-bottom: 14px; align-items: flex-start"):
            if preview.busy:
                Tag("span", "", "spin").props("aria-hidden=true").style("margin-top: 3px")
            Tag("p", text, "muted")
        return
    _headline(plan, preview.busy)
    if len(plan.outputs) > 1:
        _results(plan)
    facts(_rows(plan))
    findings = preview.findings("estimate")
    if findings:
        with block("notes"):
            for finding in findings:
                asks = finding.code == TEXT_ONLY
                level = "warning" if asks else finding.level
                tell(finding, consent if asks else None, level=level, offer=None if asks else offer)


def _headline(plan: ConvertPlan, busy: str) -> None:
    original, size = plan.model.weight_bytes, sum(output.weight_bytes for output in plan.outputs)
    share = size / original if original else 1.0
    several = len(plan.outputs) > 1
    with block("estimate-size"):
        Tag("span", _size(plan.outputs), "estimate-number").mark("estimate")
        models = plural("{count:,} model", "{count:,} models", len(plan.outputs))
        Tag("span", models if several else _change(share), "estimate-note")
        if busy:
            Tag("span", "", "spin", label=busy_in_words(busy)).props("role=img")
    if not several:
        set_progress(progress_bar(_("Size compared with the original")), share)


def _change(share: float) -> str:
    """How much smaller than its source something is that takes ``share`` of it."""
    if share < 0.995:
        return _("{percent} smaller", percent=f"{1 - share:.0%}")
    return _("same size") if share < 1.005 else _("larger")


def _results(plan: ConvertPlan) -> None:
    """A line for each of several results: what it will be called, how large it is, and whether it runs here."""
    memory = memory_now()
    with block("results", "ul"):
        for output in plan.outputs:
            with block("result-line", "li").mark("result-line"):
                Tag("span", output.path.name, "result-name")
                with block("result-about"):
                    bits = wording.bits_per_weight(output.bits_per_weight)
                    Tag("span", joined(_size((output,)), bits), "option-size")
                    show_fit(Tag("span", "", "option-size"), fit_into(memory, output.weight_bytes, plan.model.config))
                    if output.replaces is not None:
                        Badge(_("Already there"), "warn")


def _size(outputs: Sequence[OutputPlan]) -> str:
    """What all of ``outputs`` take together."""
    at_most, exact = any(output.at_most for output in outputs), all(output.exact for output in outputs)
    size = units.size(sum(one.weight_bytes for one in outputs))
    return _("up to {size}", size=size) if at_most else size if exact else f"≈ {size}"


def _in_a_line(preview: Preview, *, waits: bool) -> str:
    """What the bar at the foot of a phone's page says beside its button."""
    plan = preview.plan
    if waits or plan is None or not all(output.weight_bytes for output in plan.outputs):
        return _attention() if waits else busy_in_words(preview.busy)
    worst = max(plan.outputs, key=lambda output: output.weight_bytes)
    several = plural("{count:,} model", "{count:,} models", len(plan.outputs)) if len(plan.outputs) > 1 else ""
    parts = (several, _size(plan.outputs), fit_words(fit(worst.weight_bytes, plan.model.config)))
    return joined(*parts)


def _rows(plan: ConvertPlan) -> list[tuple[str, str]]:
    rows = []
    if plan.peak_memory:
        rows.append((_("Memory to convert"), units.size(plan.peak_memory)))
    if len(plan.outputs) == 1:
        (output,) = plan.outputs
        found = fit(output.weight_bytes, plan.model.config)
        rows.insert(0, (_("Bits per weight"), units.bits(output.bits_per_weight)))
        rows.append((_("Memory to answer"), joined(units.size(found.needed), fit_words(found))))
    if plan.fetch_bytes:
        rows.append((_("To download"), units.size(plan.fetch_bytes)))
    rows += [(_("Original"), units.size(plan.model.weight_bytes)), (_("Free disk space"), units.size(plan.free_disk))]
    return rows
