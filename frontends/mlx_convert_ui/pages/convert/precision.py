"""The card that asks how small: precision cards, and what is under Advanced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from mlx_convert_core import OutputPlan, Preset
from mlx_convert_core.plugin import (
    fit_into,
    memory_now,
    units,
)
from mlx_convert_ui.pages.convert.advanced import AdvancedFields
from mlx_convert_ui.pages.convert.form_planner import FormPlanner
from mlx_convert_ui.state.advice import advised
from mlx_convert_ui.state.convert_form import Form, cards
from mlx_convert_ui.widgets.components import (
    Badge,
    Button,
    Tag,
    attributes,
    block,
    card,
    note,
    sentence,
)
from mlx_convert_ui.widgets.fitting import show_fit
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.words import _, given, plural

CUSTOM = "custom"


def no_preset() -> str:
    """What stands where the precisions would."""
    return _("No plugin in use offers a precision. See the Plugins page for what is missing.")


class PrecisionCard:
    """Draws itself on creation; `draw` shows sizes and findings."""

    def __init__(self, presets: Mapping[str, Preset], form: Form, changed: Callable[[], None]) -> None:
        self._presets = dict(presets)
        self._form = form
        self._changed = changed
        self._shown: tuple[str, ...] = ()
        self._sizes: dict[str, Tag] = {}
        self._fits: dict[str, Tag] = {}
        self._boxes: dict[str, ui.element] = {}
        self._drawn: object = None
        self._advice = advised(None)
        self._said = ""
        hint = _("Lower is smaller and faster, higher keeps more quality. Tick several to make them all.")
        with card(_("Precision"), hint):
            self._options = block("options", "fieldset", label=_("Precision"))
            self._summary = Tag("p", "", "field-hint")
            self._summary.style("margin-top: 10px")
            self._why = block("notes").mark("advice")
            with block("card-foot"), block("advanced", "details") as self._details:
                with block("", "summary").props("data-icon=sliders-horizontal").mark("advanced"):
                    Tag("span", _("Advanced"))
                    self._count = Badge("", "busy").mark("changes")
                    Tag("span", "", "advanced-arrow", icon="chevron-down").props("aria-hidden=true")
                with block("advanced-body"):
                    self._fields = AdvancedFields(self._presets, form, self._set)
                    self._notes = block("notes")
        self._show_cards(None)
        if form.changes:
            self._details.props("open")

    def draw(self, planner: FormPlanner) -> None:
        """Show the sizes that are known, and what is wrong with the numbers under Advanced."""
        self._fields.show()
        preview = planner.preview
        memory = memory_now()
        self._advice = advised(preview.model, preview.sizes, memory)
        self._show_cards(preview.model.repo_id if preview.model else None)
        sizes: dict[str, OutputPlan | None] = {}
        if not preview.unfit:  # what can't be made has no size
            sizes = {**preview.sizes, CUSTOM: preview.outputs[0] if preview.outputs else None}
        for name, label in self._sizes.items():
            output = sizes.get(name)
            label.show(_size(output, busy=bool(preview.busy)))
            known = output is not None and output.weight_bytes and preview.model is not None
            show_fit(
                self._fits[name],
                fit_into(memory, output.weight_bytes, preview.model.config) if known else None,  # type: ignore[union-attr]
            )
        findings = preview.findings("advanced")
        if findings == self._drawn:
            return
        self._drawn = findings
        self._notes.clear()
        with self._notes:
            for finding in findings:
                tell(finding, level=finding.level, offer=planner.offer)
        if findings:
            self._details.props("open")

    def _show_cards(self, repo_id: str | None) -> None:
        names = cards(self._presets, self._form.presets, repo_id)
        shown = (*names, *self._form.changes.values(), self._advice.preset)
        if shown != self._shown:
            self._shown = shown
            self._sizes.clear()
            self._fits.clear()
            self._boxes.clear()
            self._options.clear()
            with self._options:
                for name in names:
                    self._card(self._presets[name])
                if self._form.changes:
                    self._custom()
        chosen = (CUSTOM,) if self._form.changes else self._form.presets
        for name, box in self._boxes.items():
            if box.props.get("checked") != (name in chosen):
                box.props["checked"] = name in chosen
        changes = len(self._form.changes)
        self._count.show(plural("{count:,} change", "{count:,} changes", changes) if changes else "")
        self._count.set_visibility(bool(changes))
        self._say()

    def _say(self) -> None:
        """What the chosen preset is good for, and that another one is advised, where fewer bits were chosen."""
        chosen = [self._presets[name] for name in self._form.presets if name in self._presets]
        advised_ = self._presets.get(self._advice.preset)
        summary = given(chosen[0].summary) if chosen else no_preset()
        if len(chosen) > 1:
            summary = plural(
                "{count:,} model from one read of the source.",
                "{count:,} models from one read of the source.",
                len(chosen),
            )
        self._summary.show(summary)
        self._summary.set_visibility(not self._form.changes)
        bits = self._form.bits or max(map(_bits, chosen), default=0)
        less = advised_ is not None and bits < _bits(advised_)
        start = _("Start with {preset}.", preset=given(advised_.title)) if advised_ else ""
        said = f"{self._advice.reason} {start}" if less else ""
        if said == self._said:
            return
        self._said = said
        self._why.clear()
        if said and advised_:
            with self._why:
                note("info", said, actions=lambda: self._take_button(advised_))

    def _take_button(self, preset: Preset) -> None:
        words = _("Use {name}", name=given(preset.title))
        Button(words, lambda: self._choose(preset.name), classes="btn-small").mark("take-advice")

    def _card(self, preset: Preset) -> None:
        recommended = _("Recommended") if preset.name == self._advice.preset else ""
        badge = _("For this model") if preset.ref else recommended
        self._option(preset.name, given(preset.title), lambda: self._tick(preset.name), badge=badge)

    def _custom(self) -> None:
        """What is set under Advanced: a choice of its own, which is the one that will be made."""
        preset = self._presets.get(self._form.preset)
        changes = ", ".join(self._form.changes.values())
        words = _("{changes}; the rest as usual", changes=changes)
        if preset:
            words = _("{changes}; the rest as in {preset}", changes=changes, preset=given(preset.title))
        self._option(CUSTOM, _("Custom"), lambda: self._choose(self._form.preset), text=sentence(words))

    def _option(self, name: str, title: str, chosen: Callable[[], None], *, badge: str = "", text: str = "") -> None:
        with Tag("label", "", "option"):
            box = attributes(ui.element("input").props("type=checkbox name=precision"), {"value": name})
            self._boxes[name] = box.mark(f"preset-{name}").on("change", chosen, [])
            with block("option-title"):
                Tag("span", "", "option-tick").props("aria-hidden=true")
                Tag("span", title)
                if badge:
                    Badge(badge, "busy")
            self._sizes[name] = Tag("span", "", "option-size").mark(f"size-{name}")
            self._fits[name] = Tag("span", "", "option-size").mark(f"fit-{name}")
            if text:
                Tag("span", text, "option-size")

    def _tick(self, name: str) -> None:
        """Make this one, too, or no more. The only one stays: something is to be made."""
        if self._form.changes:
            self._choose(name)
        elif self._form.tick(name):
            self._form.calibration_sha256 = ""
            self._fields.take(self._form.preset)
            self._changed()
        else:
            box = self._boxes[name]
            box.client.run_javascript(f"getHtmlElement({box.id}).checked = true")

    def _choose(self, name: str) -> None:
        """Take a card as it is, and no other one: nothing is set beside it any more."""
        self._form.calibration_sha256 = ""
        self._form.take(name)
        self._fields.take(name)
        self._changed()

    def _set(self, attribute: str, value: Any) -> None:
        if getattr(self._form, attribute) != value:
            if attribute == "preset" and value not in self._form.presets:
                self._form.take(value)
            setattr(self._form, attribute, value)
        self._changed()


def _size(output: OutputPlan | None, *, busy: bool) -> str:
    if output is None:
        return "…" if busy else ""
    size = units.size(output.weight_bytes)
    return _("up to {size}", size=size) if output.at_most else size if output.exact else f"≈ {size}"


def _bits(preset: Preset) -> int:
    return preset.quantization.bits if preset.quantization else 16
