"""The card that asks where to."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from mlx_convert_ui.pages.convert.form_planner import FormPlanner
from mlx_convert_ui.state.convert_form import Form
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, block, card, field, named
from mlx_convert_ui.widgets.dialogs import lasting
from mlx_convert_ui.widgets.picker import pick_folder
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.words import _, given

_ELSEWHERE = ("disk", "not_writable", "not_replaceable")  # what another folder mends


class OutputCard:
    """Draws itself on creation; `draw` shows the name that will be used, and what stands in the way."""

    def __init__(self, studio: Studio, form: Form, changed: Callable[[], None]) -> None:
        self._studio = studio
        self._form = form
        self._changed = changed
        self._drawn: object = None
        self._names: dict[str, ui.input] = {}  # by preset, while there are several
        with card(_("Output")):
            with block("fields"):
                tip = _("Where the converted model's folder is put. The usual place is in Settings.")
                with field(_("Folder"), tip) as name, block("row-line"):
                    self._folder = ui.input(value=form.folder, on_change=self._typed).mark("folder")
                    named(self._folder, name).props("spellcheck=false")
                    Button("", self._pick, icon="folder-open", label=_("Choose a folder")).mark("browse-output")
                tip = _("The new folder's name. When empty, it is made from the model's name.")
                with field(_("Name"), tip) as name:
                    self._name = ui.input(value=form.name, on_change=self._typed).mark("name")
                    named(self._name, name).props("spellcheck=false")
                self._single = self._name.parent_slot.parent if self._name.parent_slot else self._name
            self._several = block("fields names")
            self._notes = block("notes")
        self._show_names()

    def draw(self, planner: FormPlanner) -> None:
        """Show the automatic names as placeholders, and findings about the place."""
        preview = planner.preview
        self._show_names()
        automatic = preview.auto_names if len(preview.auto_names) == len(self._form.presets) else ()
        boxes = [self._names[preset] for preset in self._form.presets] if self._names else [self._name]
        for box, name in zip(boxes, automatic, strict=False):
            if box.props.get("placeholder") != name:
                box.props["placeholder"] = name
        findings = preview.findings("output")
        if findings == self._drawn:
            return
        self._drawn = findings
        self._notes.clear()
        with self._notes:
            for finding in findings:
                level = "warning" if finding.code == "exists" else finding.level
                another = self._another if finding.code in _ELSEWHERE else None
                tell(finding, another, level=level, offer=planner.offer)

    def _show_names(self) -> None:
        """A field for the name of each result, where there are several."""
        wanted = self._form.presets if len(self._form.presets) > 1 else ()
        if tuple(self._names) == wanted:
            return
        self._names.clear()
        self._several.clear()
        self._single.set_visibility(not wanted)
        with self._several:
            for preset in wanted:
                title = given(self._studio.workspace.presets[preset].title)
                with field(_("Name of the {preset} model", preset=title)) as name:
                    box = ui.input(value=self._form.names.get(preset, ""), on_change=self._typed).mark(f"name-{preset}")
                    self._names[preset] = named(box, name).props("spellcheck=false")

    def _typed(self) -> None:
        self._form.folder = self._folder.value or ""
        self._form.name = self._name.value or ""
        self._form.names.update({preset: box.value or "" for preset, box in self._names.items()})
        self._changed()

    def _another(self) -> None:
        another = Button(_("Choose another folder"), lasting(self._pick), icon="folder-open", classes="btn-small")
        another.mark("another-folder")

    async def _pick(self) -> None:
        chosen = await pick_folder(self._studio, _("Choose an output folder"), self._form.folder)
        if chosen:
            self._folder.value = chosen
