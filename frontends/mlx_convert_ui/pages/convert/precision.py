"""The card that asks how small: precision cards, and what is under Advanced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from mlx_convert_core import OutputPlan, Preset
from mlx_convert_core.plugin import units
from mlx_convert_ui.pages.convert.form_planner import FormPlanner
from mlx_convert_ui.state.convert_form import Form, cards
from mlx_convert_ui.widgets.components import CHEVRON, Badge, Tag, attributes, block, card, field, named, tooltip
from mlx_convert_ui.widgets.remedies import tell

RECOMMENDED = "4bit"
_AS_PRESET = "As the preset"


NO_PRESET = "No plugin in use offers a precision. The Plugins page says what is missing."


class PrecisionCard:
    """Draws itself on creation; `draw` shows sizes and findings."""

    def __init__(self, presets: Mapping[str, Preset], form: Form, changed: Callable[[], None]) -> None:
        self._presets = dict(presets)
        self._form = form
        self._changed = changed
        self._shown: tuple[str, ...] = ()
        self._sizes: dict[str, Tag] = {}
        self._radios: dict[str, ui.element] = {}
        self._drawn: object = None
        with card("Precision", "Lower is smaller and faster; higher keeps more quality."):
            self._options = block("options", "fieldset").props('aria-label="Precision"')
            self._summary = Tag("p", "", "field-hint")
            self._summary.style("margin-top: 10px")
            with block("card-foot"), block("advanced", "details") as self._details:
                with block("", "summary").props("data-icon=sliders-horizontal").mark("advanced"):
                    Tag("span", "Advanced")
                    Tag("span", "", "advanced-arrow", icon="chevron-down").props("aria-hidden=true")
                with block("advanced-body"):
                    self._advanced()
                    self._notes = block("notes")
        self._show_cards(None)

    def draw(self, planner: FormPlanner) -> None:
        """Show the sizes that are known, and what is wrong with the numbers under Advanced."""
        preview = planner.preview
        self._show_cards(preview.model.repo_id if preview.model else None)
        for name, label in self._sizes.items():
            label.show(_size(preview.sizes.get(name), busy=bool(preview.busy)))
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
        if names != self._shown:
            self._shown = names
            self._sizes.clear()
            self._radios.clear()
            self._options.clear()
            with self._options:
                for name in names:
                    self._card(self._presets[name])
        for name, radio in self._radios.items():
            radio.props["checked"] = name == self._form.preset
        chosen = self._presets.get(self._form.preset)
        self._summary.show(chosen.summary if chosen else NO_PRESET)

    def _card(self, preset: Preset) -> None:
        with Tag("label", "", "option"):
            radio = attributes(ui.element("input").props("type=radio name=precision"), {"value": preset.name})
            radio.mark(f"preset-{preset.name}").on("change", lambda: self._choose(preset.name), [])
            self._radios[preset.name] = radio
            with block("option-title"):
                Tag("span", preset.title)
                if preset.name == RECOMMENDED:
                    Badge("Recommended", "busy")
                elif preset.ref:
                    Badge("For this model", "busy")
            self._sizes[preset.name] = Tag("span", "", "option-size").mark(f"size-{preset.name}")
            with block("meter").props("aria-hidden=true"):
                for step in range(5):
                    Tag("i", "", "on" if step < _quality(preset) else "")

    def _choose(self, name: str) -> None:
        self._form.preset = name
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
            bits = {None: _AS_PRESET, **{bits: f"{bits} bits" for bits in (2, 3, 4, 5, 6, 8)}}
            self._select("Bits", "Bits for each number. Fewer are smaller and less exact.", bits, "bits")
            groups = {None: _AS_PRESET, 32: "32", 64: "64", 128: "128"}
            self._select(
                "Group size",
                "How many numbers share one scale. Smaller groups keep more quality and take a little more room.",
                groups,
                "group_size",
            )
            modes = {None: _AS_PRESET, "affine": "affine", "mxfp4": "MXFP4", "nvfp4": "NVFP4", "mxfp8": "MXFP8"}
            self._select("Mode", "The number format. Leave it unless you need one of the float formats.", modes, "mode")
            strategies = sorted({preset.strategy for preset in self._presets.values() if preset.strategy})
            named_strategies = {None: _AS_PRESET, **{name: name for name in strategies}}
            self._select(
                "Strategy",
                "Chooses bits layer by layer, so that the layers that matter most keep more.",
                named_strategies,
                "strategy",
            )
            dtypes = {None: _AS_PRESET, "bfloat16": "bfloat16", "float16": "float16", "float32": "float32"}
            self._select(
                "Kept as (dtype)",
                "The type of everything that is not quantized. float16 is faster on M1 and M2 Macs.",
                dtypes,
                "dtype",
            )
            with field("Revision", "A branch, tag or commit of a repo. Empty means the newest.") as name:
                box = ui.input(value=form.revision, on_change=lambda event: self._set("revision", event.value or ""))
                named(box, name).props('placeholder="main" spellcheck=false')
            with block("wide"):
                switch = ui.switch(
                    "Run the model's own code",
                    value=form.trust,
                    on_change=lambda event: self._set("trust", event.value),
                )
                tooltip(switch, "Some models bring Python code. Allow it only if you trust their author.")

    def _select(self, label: str, tip: str, options: dict[Any, str], attribute: str) -> ui.select:
        with field(label, tip) as name:
            value = getattr(self._form, attribute)
            value = value if value in options else None
            select = ui.select(options, value=value, on_change=lambda event: self._set(attribute, event.value))
            named(select, name).props(f"dropdown-icon='{CHEVRON}' options-dense")
            select.mark(f"advanced-{attribute}")
        return select

    def _set(self, attribute: str, value: Any) -> None:
        if getattr(self._form, attribute) != value:
            setattr(self._form, attribute, value)
        self._changed()


def _size(output: OutputPlan | None, *, busy: bool) -> str:
    if output is None:
        return "…" if busy else ""
    return ("" if output.exact else "≈ ") + units.size(output.weight_bytes)


def _quality(preset: Preset) -> int:
    """How many of five marks a preset's quality gets, by its bits."""
    bits = preset.quantization.bits if preset.quantization else 16
    return {2: 1, 3: 2, 4: 3, 5: 4, 6: 4}.get(bits, 5)
