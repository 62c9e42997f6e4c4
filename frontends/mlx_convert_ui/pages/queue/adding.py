"""The card that puts conversions into the queue: a pasted list with presets, or a recipe file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from nicegui import run, ui

from mlx_convert_core import ConvertRequest, InvalidRequest, MlxConvertError, OutputPlan
from mlx_convert_core.plugin import Afterwards, expanded
from mlx_convert_ui.pages.queue.lines import LineList
from mlx_convert_ui.state.queue_lines import Lines
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.state.upload_form import title_of
from mlx_convert_ui.widgets.components import CHEVRON, Button, Tag, block, card, field, named, note, tooltip
from mlx_convert_ui.widgets.dialogs import confirm
from mlx_convert_ui.widgets.picker import pick_file
from mlx_convert_ui.widgets.recipes import recipe_request
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.widgets.replacing import gone_for_good
from mlx_convert_ui.words import _, given, plural


def listed(text: str) -> tuple[str, ...]:
    """The refs in ``text``, one a line; blank lines and those that begin with # are left out."""
    lines = [line.strip().strip(",").strip("\"'") for line in text.splitlines()]
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def parse(text: str) -> tuple[str, ...]:
    """The refs in ``text``, as `listed`; raises InvalidRequest when there is none."""
    refs = listed(text)
    if not refs:
        raise InvalidRequest(_("No model is named."), hint=_("Type one on each line."))
    return refs


class AddingCard:
    """Draws itself on creation; ``added`` is called with how many joined the queue."""

    def __init__(self, studio: Studio, added: Callable[[int], Awaitable[None]]) -> None:
        self._studio = studio
        self._added = added
        self._lines = Lines(studio, self._draw)
        ui.context.client.on_delete(self._lines.close)
        presets = studio.workspace.presets
        settings = studio.workspace.settings.load()
        with card(_("Add models")), block("stack"):
            kinds = studio.workspace.sources.kinds.values()
            places = ", ".join(kind.title for kind in kinds)
            with field(_("Models"), _("One on each line, from any of these: {places}.", places=places)) as name:
                example = "\n".join(kind.example for kind in kinds)
                self._refs = ui.textarea(placeholder=example, on_change=self._look).mark("refs")
                named(self._refs, name).props("spellcheck=false")
            with field(_("Presets"), _("With several, each model is read once and converted to all of them.")) as name:
                options = {key: given(preset.title) for key, preset in presets.items() if not preset.ref}
                chosen = [settings.preset] if settings.preset in options else []
                self._presets = ui.select(options, value=chosen, multiple=True, on_change=self._look).mark("presets")
                named(self._presets, name).props(f"use-chips options-dense dropdown-icon='{CHEVRON}'").classes(
                    "chips-field"
                )
            self._then()
            self._list = LineList(self._lines, self._use_instead)
            self._notes = block("notes")
            with block(""):
                self._button = Button(_("Add to queue"), self._add, icon="list-plus", kind="primary")
                self._button.classes("btn-wide").mark("add")
                recipe = Button(_("From a recipe …"), self._add_recipe, icon="file-json", kind="ghost")
                recipe.classes("btn-wide").mark("add-recipe")
                with block("estimate-foot", "p"):
                    Tag("span", _("Results go to") + " ")
                    Tag("span", str(expanded(settings.output_folder).absolute()), "path")

    def _then(self) -> None:
        """What is done with each result once it is there."""
        tip = _("Each result is uploaded under its own name, privately, once it is done.")
        with field(_("Upload when done"), tip) as name:
            targets = self._studio.workspace.upload_targets()
            options = {"": _("No"), **{key: title_of(target) for key, target in targets.items() if key != "folder"}}
            self._upload = ui.select(options, value="").mark("upload-when-done")
            named(self._upload, name).props(f"options-dense dropdown-icon='{CHEVRON}'")
        self._measure = ui.switch(_("Measure when done")).mark("measure-when-done")
        tooltip(self._measure, _("How close each result is to its source. Takes minutes for a small model."))

    def _look(self) -> None:
        self._lines.look(listed(self._refs.value or ""), tuple(self._presets.value or ()))

    def _draw(self) -> None:
        with self._notes:  # what looks at the models has no page of its own, and so no language
            self._list.draw(len(listed(self._refs.value or "")) - len(self._lines.lines))

    def _use_instead(self, ref: str, other: str) -> None:
        lines = (self._refs.value or "").splitlines()
        self._refs.value = "\n".join(other if listed(line) == (ref,) else line for line in lines)

    async def _add(self) -> None:
        """Line up what can be made. A model that can't stays in the field, with what is wrong beside it."""
        self._notes.clear()
        try:
            refs = parse(self._refs.value or "")
            presets = tuple(self._presets.value or ())
            if not presets:
                raise InvalidRequest(_("No preset is chosen."), hint=_("Choose at least one."))
            await run.io_bound(self._studio.workspace.sources.check, refs)
        except MlxConvertError as error:
            with self._notes:
                tell(error)
            return
        if not await _may_replace(self._lines.replaced):
            return
        known = self._lines.lines
        stay = [ref for ref in refs if ref in known and known[ref].refusal is not None]
        asked = {ref: self._lines.request(ref, presets) for ref in refs if ref not in stay}
        requests = [request for request in asked.values() if request is not None]
        try:
            if requests:
                await self._put(requests)
        except MlxConvertError as error:
            with self._notes:
                tell(error)
            return
        self._refs.value = "\n".join(stay)
        self._tell(len(stay), sum(request is None for request in asked.values()))

    def _tell(self, stay: int, there: int) -> None:
        with self._notes:
            if stay:
                text = plural(
                    "{count:,} model can't be converted as it is, and stays in the list.",
                    "{count:,} models can't be converted as they are, and stay in the list.",
                    stay,
                )
                note("warning", text)
            if there:
                text = plural(
                    "Everything of {count:,} model is there already, and stays as it is.",
                    "Everything of {count:,} models is there already, and stays as it is.",
                    there,
                )
                note("info", text)

    async def _add_recipe(self) -> None:
        path = await pick_file(self._studio, _("Choose a recipe"), ".json")
        if path is None:
            return
        self._notes.clear()
        try:
            request = await run.io_bound(recipe_request, Path(path))
            if request is not None:
                await self._put([request])
        except MlxConvertError as error:
            with self._notes:
                tell(error)

    async def _put(self, requests: Sequence[ConvertRequest]) -> None:
        self._button.enable(False)
        try:
            then = Afterwards(upload=self._upload.value or "", measure=bool(self._measure.value))
            await run.io_bound(self._studio.enqueue, requests, then)
        finally:
            self._button.enable()
        await self._added(len(requests))


async def _may_replace(outputs: Sequence[OutputPlan]) -> bool:
    """Show what goes, and ask."""
    if not outputs:
        return True
    listing = "\n".join(f"{one.path}\n{one.replaces.words}" for one in outputs if one.replaces is not None)
    return await confirm(
        plural("Replace {count:,} model?", "Replace {count:,} models?", len(outputs)),
        f"{gone_for_good(len(outputs))}\n{listing}",
        action=_("Replace"),
    )
