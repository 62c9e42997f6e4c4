"""The card that asks how small: precision cards, and what is under Advanced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from mlx_convert_core import OutputPlan, Preset
from mlx_convert_core.plugin import (
    AFFINE_BITS,
    AFFINE_GROUP_SIZES,
    MODES,
    NEAREST,
    dtypes,
    fit_into,
    memory_now,
    units,
)
from mlx_convert_ui.pages.convert.form_planner import FormPlanner
from mlx_convert_ui.state.advice import advised
from mlx_convert_ui.state.convert_form import Form, cards
from mlx_convert_ui.widgets.components import (
    CHEVRON,
    Badge,
    Tag,
    attributes,
    block,
    card,
    field,
    named,
    note,
    sentence,
    tooltip,
)
from mlx_convert_ui.widgets.fitting import show_fit
from mlx_convert_ui.widgets.remedies import tell

_AS_PRESET = "As the preset"
CUSTOM = "custom"

NO_PRESET = "No plugin in use offers a precision. The Plugins page says what is missing."


class PrecisionCard:
    """Draws itself on creation; `draw` shows sizes and findings."""

    def __init__(self, presets: Mapping[str, Preset], form: Form, changed: Callable[[], None]) -> None:
        self._presets = dict(presets)
        self._form = form
        self._changed = changed
        self._shown: tuple[str, ...] = ()
        self._sizes: dict[str, Tag] = {}
        self._fits: dict[str, Tag] = {}
        self._radios: dict[str, ui.element] = {}
        self._drawn: object = None
        self._advice = advised(None)
        self._said = ""
        self._selects: dict[str, ui.select] = {}
        self._switches: dict[str, ui.switch] = {}
        with card("Precision", "Lower is smaller and faster; higher keeps more quality."):
            self._options = block("options", "fieldset").props('aria-label="Precision"')
            self._summary = Tag("p", "", "field-hint")
            self._summary.style("margin-top: 10px")
            self._why = block("notes").mark("advice")
            with block("card-foot"), block("advanced", "details") as self._details:
                with block("", "summary").props("data-icon=sliders-horizontal").mark("advanced"):
                    Tag("span", "Advanced")
                    self._count = Badge("", "busy").mark("changes")
                    Tag("span", "", "advanced-arrow", icon="chevron-down").props("aria-hidden=true")
                with block("advanced-body"):
                    self._advanced()
                    self._notes = block("notes")
        self._show_cards(None)
        if form.changes:
            self._details.props("open")

    def draw(self, planner: FormPlanner) -> None:
        """Show the sizes that are known, and what is wrong with the numbers under Advanced."""
        for attribute, switch in self._switches.items():  # consent for one model is none for the next
            switch.value = getattr(self._form, attribute)
        self._calibration.value = self._form.calibration
        preview = planner.preview
        memory = memory_now()
        self._advice = advised(preview.model, preview.sizes, memory)
        self._show_cards(preview.model.repo_id if preview.model else None)
        sizes = {**preview.sizes, CUSTOM: preview.plan.outputs[0] if preview.plan else None}
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
        names = cards(self._presets, self._form.preset, repo_id)
        shown = (*names, *self._form.changes.values(), self._advice.preset)
        if shown != self._shown:
            self._shown = shown
            self._sizes.clear()
            self._fits.clear()
            self._radios.clear()
            self._options.clear()
            with self._options:
                for name in names:
                    self._card(self._presets[name])
                if self._form.changes:
                    self._custom()
        chosen = CUSTOM if self._form.changes else self._form.preset
        for name, radio in self._radios.items():
            radio.props["checked"] = name == chosen
        changes = len(self._form.changes)
        self._count.show(f"{changes} change{'s' if changes > 1 else ''}" if changes else "")
        self._count.set_visibility(bool(changes))
        self._say()

    def _say(self) -> None:
        """What the chosen preset is good for, and that another one is advised, where fewer bits were chosen."""
        chosen, advised_ = self._presets.get(self._form.preset), self._presets.get(self._advice.preset)
        self._summary.show(chosen.summary if chosen else NO_PRESET)
        self._summary.set_visibility(not self._form.changes)
        bits = self._form.bits or (_bits(chosen) if chosen else 0)
        less = advised_ is not None and bits < _bits(advised_)
        said = f"{self._advice.reason} Begin with {advised_.title}." if less and advised_ else ""
        if said == self._said:
            return
        self._said = said
        self._why.clear()
        if said:
            with self._why:
                note("info", said)

    def _card(self, preset: Preset) -> None:
        recommended = "Recommended" if preset.name == self._advice.preset else ""
        badge = "For this model" if preset.ref else recommended
        self._option(preset.name, preset.title, lambda: self._choose(preset.name), badge=badge)

    def _custom(self) -> None:
        """What is set under Advanced: a choice of its own, which is the one that will be made."""
        preset = self._presets.get(self._form.preset)
        words = f"{', '.join(self._form.changes.values())}; the rest as {preset.title if preset else 'usual'}"
        self._option(CUSTOM, "Custom", lambda: None, text=sentence(words))

    def _option(self, name: str, title: str, chosen: Callable[[], None], *, badge: str = "", text: str = "") -> None:
        with Tag("label", "", "option"):
            radio = attributes(ui.element("input").props("type=radio name=precision"), {"value": name})
            self._radios[name] = radio.mark(f"preset-{name}").on("change", chosen, [])
            with block("option-title"):
                Tag("span", title)
                if badge:
                    Badge(badge, "busy")
            self._sizes[name] = Tag("span", "", "option-size").mark(f"size-{name}")
            self._fits[name] = Tag("span", "", "option-size").mark(f"fit-{name}")
            if text:
                Tag("span", text, "option-size")

    def _choose(self, name: str) -> None:
        """Take a card as it is: nothing is set beside it any more."""
        self._form.preset, self._form.calibration_sha256 = name, ""
        for attribute in self._form.changes:
            self._selects[attribute].value = None
        self._preset.value = name

    def _advanced(self) -> None:
        form = self._form
        with block("fields fields-3"):
            every = {name: preset.title for name, preset in self._presets.items()}
            self._preset = self._select(
                "Preset",
                "Every preset, also those of plugins. Change it when none of the cards above fits.",
                every,
                "preset",
            )
            bits = {None: _AS_PRESET, **{bits: f"{bits} bits" for bits in AFFINE_BITS}}
            self._select("Bits", "Bits for each number. Fewer are smaller and less exact.", bits, "bits")
            groups = {None: _AS_PRESET, **{size: str(size) for size in AFFINE_GROUP_SIZES}}
            self._select(
                "Group size",
                "How many numbers share one scale. Smaller groups keep more quality and take a little more room.",
                groups,
                "group_size",
            )
            modes = {None: _AS_PRESET, **{mode: mode if mode == "affine" else mode.upper() for mode in MODES}}
            self._select("Mode", "The number format. Leave it unless you need one of the float formats.", modes, "mode")
            strategies = sorted({preset.strategy for preset in self._presets.values() if preset.strategy})
            named_strategies = {None: _AS_PRESET, **{name: name for name in strategies}}
            self._select(
                "Strategy",
                "Chooses bits layer by layer, so that the layers that matter most keep more.",
                named_strategies,
                "strategy",
            )
            self._bits_per_weight()
            methods = sorted({NEAREST, *(preset.method for preset in self._presets.values() if preset.method)})
            self._select(
                "Rounding (method)",
                "How numbers are rounded. tuned fits them to a text that runs through the model first; with compensated"
                " they make good for each other, too. The same size, and longer conversions.",
                {None: _AS_PRESET, **{name: name for name in methods}},
                "method",
            )
            kept = {None: _AS_PRESET, **{name: name for name in dtypes.DTYPES}}
            self._select(
                "Kept as (dtype)",
                "The type of everything that is not quantized. float16 is faster on M1 and M2 Macs.",
                kept,
                "dtype",
            )
            with field("Revision", "A branch, tag or commit of a repo. Empty means the newest.") as name:
                box = ui.input(value=form.revision, on_change=lambda event: self._set("revision", event.value or ""))
                named(box, name).props('placeholder="main" spellcheck=false')
            with field(
                "Calibration text",
                "A text file of yours that rounding by a text goes by: what the model will be used for. Empty means the"
                " text that comes along.",
            ) as name:
                self._calibration = ui.input(
                    value=form.calibration, on_change=lambda event: self._set("calibration", event.value or "")
                ).mark("advanced-calibration")
                named(self._calibration, name).props('placeholder="the bundled text" spellcheck=false')
            self._switch(
                "Try the result",
                "Loads what was written and asks it a question before it counts as done. Takes seconds.",
                "verify",
            )
            self._switch(
                "Allow infinite values",
                "float16 can't hold very large numbers: they become infinite. Unless it is on, such a conversion is"
                " refused.",
                "allow_overflow",
            )
            self._switch(
                "Run the model's own code",
                "Some models bring Python code. Allow it only if you trust their author.",
                "trust",
            )

    def _switch(self, label: str, tip: str, attribute: str) -> None:
        with block("wide"):
            box = ui.switch(
                label,
                value=getattr(self._form, attribute),
                on_change=lambda event: self._set(attribute, event.value),
            ).mark(f"advanced-{attribute}")
            tooltip(box, tip)
        self._switches[attribute] = box

    def _bits_per_weight(self) -> None:
        """The strategies of a budget: whoever types a number here chooses one."""
        told = "At most so many on average: each layer gets bits by what it loses."
        self._budget("Bits per weight", told, "bpw")
        told = (
            "How far the result may be from its source, in nats of KL divergence: 0.05 is close. The smallest model"
            " that keeps to it is looked for, by making and measuring a few."
        )
        self._budget("Divergence at most", told, "kl")

    def _budget(self, label: str, tip: str, kind: str) -> None:
        with field(label, tip) as name:
            given, _, number = (self._form.strategy or "").partition(":")
            box = ui.input(
                value=number if given == kind else "",
                on_change=lambda event: self._set("strategy", f"{kind}:{event.value.strip()}" if event.value else None),
            )
            named(box, name).props('placeholder="As the preset" spellcheck=false').mark(f"advanced-{kind}")

    def _select(self, label: str, tip: str, options: dict[Any, str], attribute: str) -> ui.select:
        with field(label, tip) as name:
            value = getattr(self._form, attribute)
            value = value if value in options else None
            select = ui.select(options, value=value, on_change=lambda event: self._set(attribute, event.value))
            named(select, name).props(f"dropdown-icon='{CHEVRON}' options-dense")
            self._selects[attribute] = select.mark(f"advanced-{attribute}")
        return select

    def _set(self, attribute: str, value: Any) -> None:
        if getattr(self._form, attribute) != value:
            setattr(self._form, attribute, value)
        self._changed()


def _size(output: OutputPlan | None, *, busy: bool) -> str:
    if output is None:
        return "…" if busy else ""
    return ("up to " if output.at_most else "" if output.exact else "≈ ") + units.size(output.weight_bytes)


def _bits(preset: Preset) -> int:
    return preset.quantization.bits if preset.quantization else 16
