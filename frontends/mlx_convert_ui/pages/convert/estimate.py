"""The card that says what comes out, and holds the one primary button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from mlx_convert_core import ConvertPlan, OutputPlan
from mlx_convert_core.plugin import fit, units
from mlx_convert_ui.pages.convert.form_planner import TEXT_ONLY, FormPlanner, Preview
from mlx_convert_ui.state.convert_form import Form
from mlx_convert_ui.widgets.components import Button, Tag, block, card, facts, progress_bar, set_progress
from mlx_convert_ui.widgets.remedies import Offer, tell

_FOOT = "Runs in the background; you can keep working."


class EstimateCard:
    """Draws itself on creation; `draw` shows what the planner knows."""

    def __init__(
        self, form: Form, agreed: Callable[[], Any], start: Callable[[], Any], enqueue: Callable[[], Any]
    ) -> None:
        self._form = form
        self._agreed = agreed
        self._drawn: object = None
        with card("Estimate", classes="sticky"):
            self._body = block("").props("aria-live=polite")
            self._button = Button("Convert", start, icon="play", kind="primary", classes="btn-wide").mark("convert")
            self._later = Button("Add to queue", enqueue, icon="list-plus", kind="ghost", classes="btn-wide").mark(
                "enqueue"
            )
            self._foot = Tag("p", _FOOT, "estimate-foot")

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
        self._button.show("Replace and convert" if preview.exists and not waits else "Convert")
        self._button.enable(preview.plan is not None and not waits)
        self._later.enable(preview.plan is not None and not waits)
        self._foot.show("Something above needs your attention first." if waits else _FOOT)

    def _consent(self) -> None:
        """Ask whether the text model alone is enough."""
        box = ui.checkbox("Convert the text model alone", value=self._form.text_only, on_change=self._answered)
        box.mark("text-only")

    def _answered(self, event: ValueChangeEventArguments) -> None:
        self._form.text_only = bool(event.value)
        self._agreed()


def _content(preview: Preview, consent: Callable[[], None], offer: Offer) -> None:
    plan, output = preview.plan, preview.output
    if plan is None or output is None or not output.weight_bytes:
        text = f"{preview.busy} …" if preview.busy else "Name a model to see its size before anything is downloaded."
        with block("row-line").style("margin-bottom: 14px; align-items: flex-start"):
            if preview.busy:
                Tag("span", "", "spin").props("aria-hidden=true").style("margin-top: 3px")
            Tag("p", text, "muted")
        return
    _headline(plan, output, preview.busy)
    facts(_rows(plan, output))
    findings = preview.findings("estimate")
    if findings:
        with block("notes"):
            for finding in findings:
                asks = finding.code == TEXT_ONLY
                level = "warning" if asks else finding.level
                tell(finding, consent if asks else None, level=level, offer=offer)


def _headline(plan: ConvertPlan, output: OutputPlan, busy: str) -> None:
    original = plan.model.weight_bytes
    share = output.weight_bytes / original if original else 1.0
    with block("estimate-size"):
        number = ("up to " if output.at_most else "" if output.exact else "≈ ") + units.size(output.weight_bytes)
        Tag("span", number, "estimate-number").mark("estimate")
        change = f"{1 - share:.0%} smaller" if share < 0.995 else ("same size" if share < 1.005 else "larger")
        Tag("span", change, "estimate-note")
        if busy:
            Tag("span", "", "spin", label=busy).props("role=img")
    set_progress(progress_bar("Size against the original"), share)


def _rows(plan: ConvertPlan, output: OutputPlan) -> list[tuple[str, str]]:
    rows = [("Bits per weight", units.bits(output.bits_per_weight))]
    if plan.peak_memory:
        rows.append(("Memory to convert", units.size(plan.peak_memory)))
    found = fit(output.weight_bytes, plan.model.config)
    rows.append(("Memory to answer", f"{units.size(found.needed)}: {found.words.lower()}"))
    if plan.fetch_bytes:
        rows.append(("To download", units.size(plan.fetch_bytes)))
    rows += [("Original", units.size(plan.model.weight_bytes)), ("Free disk", units.size(plan.free_disk))]
    return rows
