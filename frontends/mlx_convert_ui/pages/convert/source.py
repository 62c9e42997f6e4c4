"""The card that asks for the model, and says what it is."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from mlx_convert_core import ModelInfo
from mlx_convert_core.plugin import units
from mlx_convert_ui.pages.convert.form_planner import FormPlanner
from mlx_convert_ui.state.convert_form import Form
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import CROSS, Badge, Button, Tag, attributes, block, card
from mlx_convert_ui.widgets.picker import pick_folder
from mlx_convert_ui.widgets.remedies import tell


class SourceCard:
    """Draws itself on creation; `draw` shows what the planner knows."""

    def __init__(self, studio: Studio, form: Form, changed: Callable[[], None]) -> None:
        self._studio = studio
        self._form = form
        self._changed = changed
        self._drawn: object = None
        self._kinds = studio.workspace.sources.kinds
        if form.source not in self._kinds:
            form.source = next(iter(self._kinds))
        with card("Source model") as section:
            with section.default_slot.children[0], block("segments push", "fieldset").props('aria-label="Where from"'):
                self._radios = {name: self._segment(name, kind.title) for name, kind in self._kinds.items()}
            with block("row-line"):
                with block("search grow"):
                    Tag("span", "", "search-icon", icon="search").props("aria-hidden=true")
                    self._input = ui.input(value=form.ref, on_change=self._typed).mark("ref")
                    self._input.props('outlined dense hide-bottom-space clearable aria-label="Source model"')
                    self._input.props(f"spellcheck=false autocomplete=off clear-icon='{CROSS}'")
                self._browse = Button("Browse", self._pick, icon="folder-open").mark("browse-source")
            self._verdict = block("chips").props("role=status aria-live=polite")
            self._notes = block("notes")
        self._show_kind()

    def draw(self, planner: FormPlanner) -> None:
        """Show verdict, chips and findings."""
        preview = planner.preview
        findings = preview.findings("source")
        named = preview.named
        now = (preview.busy, preview.model, tuple(findings), preview.refused, preview.plan is None, named)
        if now == self._drawn:
            return
        self._drawn = now
        if named is not None and named.whole and named.kind in self._kinds:
            self._form.source = named.kind
            self._show_kind()
        self._verdict.clear()
        with self._verdict:
            if preview.model is not None:
                _verdict(bool(findings and findings[0].level == "error"))
                _chips(preview.model)
            elif preview.busy:
                Tag("span", "", "spin").props("aria-hidden=true")
                Tag("span", f"{preview.busy} …", "muted")
            elif named is not None and named.lacking:
                Tag("span", named.lacking, "muted")
        self._notes.clear()
        with self._notes:
            for finding in findings:
                tell(finding, level=finding.level, offer=planner.offer)

    def _segment(self, value: str, text: str) -> ui.element:
        with Tag("label", "", "segment"):
            radio = attributes(ui.element("input").props("type=radio name=source"), {"value": value})
            radio.mark(f"source-{value}")
            radio.on("change", lambda: self._choose(value), [])
            Tag("span", text)
        return radio

    def _choose(self, kind: str) -> None:
        self._form.source = kind
        self._show_kind()
        self._input.value = ""

    def _show_kind(self) -> None:
        for value, radio in self._radios.items():
            radio.props["checked"] = value == self._form.source
        kind = self._kinds[self._form.source]
        self._input.props["placeholder"] = f"{kind.summary}, for example {kind.example}"
        self._browse.set_visibility(kind.local)

    def _typed(self) -> None:
        self._form.name_model(self._input.value or "")
        self._changed()

    async def _pick(self) -> None:
        chosen = await pick_folder(self._studio, "Choose a model", self._form.ref, models=True)
        if chosen:
            self._input.value = chosen


def _verdict(refused: bool) -> None:
    if refused:
        Badge("Can't be converted", "bad", icon="x")
    else:
        Badge("Supported", "ok", icon="check")


def _chips(model: ModelInfo) -> None:
    config = model.config
    licence = model.card.get("license")
    context = config.get("max_position_embeddings")
    rows = [
        ("Architecture", model.model_type),
        ("Parameters", units.count(model.parameters) if model.parameters else ""),
        ("Weights", model.dtype),
        ("Size", units.size(model.weight_bytes) if model.weight_bytes else ""),
        ("Context", f"{context / 1024:g} k" if isinstance(context, int) and context >= 1024 else ""),
        ("Licence", licence if isinstance(licence, str) else ""),
    ]
    for name, value in rows:
        if value:
            with Tag("span", "", "chip"):
                Tag("span", name)
                Tag("b", value)
