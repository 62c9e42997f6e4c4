"""The card that asks for the model, and says what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nicegui import ui

from mlx_convert_core import ModelInfo
from mlx_convert_core.plugin import units
from mlx_convert_ui.pages.convert.form_planner import FormPlanner, busy_in_words
from mlx_convert_ui.pages.convert.found import FIELD, LIST, FoundModels
from mlx_convert_ui.state.considering import page_about
from mlx_convert_ui.state.convert_form import Form
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import CROSS, Badge, Button, Tag, address_of, attributes, block, card
from mlx_convert_ui.widgets.picker import pick_folder
from mlx_convert_ui.widgets.ready import ReadyModels
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.words import _, given, joined


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceActions:
    """What can be done from the card besides naming a model: see more of what was found, get what is ready."""

    more: Callable[[], None]
    get: Callable[[str], object]


class SourceCard:
    """Draws itself on creation; `draw` shows what the planner knows.

    One field takes all: words to search for, and whatever any source takes, as it is typed or pasted.
    """

    def __init__(self, studio: Studio, form: Form, changed: Callable[[], None], actions: SourceActions) -> None:
        self._studio = studio
        self._form = form
        self._changed = changed
        self._drawn: object = None
        with card(_("Source model")):
            with block("row-line"):
                with block("search grow"):
                    Tag("span", "", "search-icon", icon="search").props("aria-hidden=true")
                    self._input = ui.input(value=form.ref, on_change=self._typed).mark("ref")
                    self._input.props("outlined dense hide-bottom-space clearable role=combobox aria-autocomplete=list")
                    self._input.props(f"spellcheck=false autocomplete=off clear-icon='{CROSS}' aria-expanded=false")
                    named = {"aria-label": _("Source model"), "for": FIELD, "aria-controls": LIST}
                    attributes(self._input, {**named, "placeholder": self._placeholder()})
                Button(_("Browse"), self._pick, icon="folder-open").mark("browse-source")
            self._verdict = block("chips").props("role=status aria-live=polite")
            self._notes = block("notes")
            self._found = FoundModels(self._choose, actions.more, self._preset)
            self._ready = ReadyModels(actions.get)
            self._kinds = Tag("p", "", "field-hint").mark("source-kinds")

    def draw(self, planner: FormPlanner) -> None:
        """Show verdict, chips and findings, or what there is to choose from."""
        preview = planner.preview
        findings = preview.findings("source")
        named = preview.named
        self._found.draw(preview.found)
        self._ready.draw(preview.ready)
        self._kinds.show("" if self._form.ref.strip() else self._examples())
        now = (preview.busy, preview.searching, preview.model, tuple(findings), preview.plan is None, named)
        if now == self._drawn:
            return
        self._drawn = now
        self._verdict.clear()
        with self._verdict:
            if preview.model is not None:
                _verdict(bool(findings and findings[0].level == "error"))
                _chips(preview.model)
                link = Tag("a", _("About this model"), "chip-link", icon="info").mark("about-model")
                link.attribute("href", address_of(page_about(preview.model.ref)))
            elif preview.busy or preview.searching:
                Tag("span", "", "spin").props("aria-hidden=true")
                Tag("span", busy_in_words(preview.busy) or _("Searching …"), "muted")
            elif named is not None and named.lacking and not (preview.found and preview.found.hits):
                Tag("span", named.lacking, "muted")
        self._notes.clear()
        with self._notes:
            for finding in findings:
                tell(finding, level=finding.level, offer=planner.offer)

    def _placeholder(self) -> str:
        kind = next(iter(self._studio.workspace.sources.kinds.values()))
        if self._studio.workspace.sources.searched:
            return _("Search, or name a model: {example}", example=kind.example)
        return _("Name a model: {example}", example=kind.example)

    def _examples(self) -> str:
        """What the field takes besides words, of every source here."""
        kinds = self._studio.workspace.sources.kinds.values()
        return _("Also: {kinds}", kinds=joined(*(f"{kind.title} ({kind.example})" for kind in kinds)))

    def _preset(self) -> str:
        preset = self._studio.workspace.presets.get(self._form.preset)
        return given(preset.title) if preset is not None else self._form.preset

    def _choose(self, ref: str) -> None:
        self._input.value = ref

    def _typed(self) -> None:
        self._form.name_model(self._input.value or "")
        self._changed()

    async def _pick(self) -> None:
        chosen = await pick_folder(self._studio, _("Choose a model"), self._form.ref, models=True)
        if chosen:
            self._input.value = chosen


def _verdict(refused: bool) -> None:
    if refused:
        Badge(_("Can't be converted"), "bad", icon="x")
    else:
        Badge(_("Supported"), "ok", icon="check")


def _chips(model: ModelInfo) -> None:
    config = model.config
    licence = model.card.get("license")
    context = config.get("max_position_embeddings")
    rows = [
        (_("Architecture"), model.model_type),
        (_("Parameters"), units.count(model.parameters) if model.parameters else ""),
        (_("Weights"), model.dtype),
        (_("Size"), units.size(model.weight_bytes) if model.weight_bytes else ""),
        (_("Context"), f"{context / 1024:g} k" if isinstance(context, int) and context >= 1024 else ""),
        (_("Licence"), licence if isinstance(licence, str) else ""),
    ]
    for name, value in rows:
        if value:
            with Tag("span", "", "chip"):
                Tag("span", name)
                Tag("b", value)
