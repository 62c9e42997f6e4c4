"""The card that puts conversions into the queue: a pasted list with presets, or a recipe file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from nicegui import run, ui

from mlx_convert_core import ConvertRequest, InvalidRequest, MlxConvertError
from mlx_convert_core.plugin import expanded
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import CHEVRON, Button, Tag, block, card, field, named
from mlx_convert_ui.widgets.picker import pick_file
from mlx_convert_ui.widgets.recipes import recipe_request
from mlx_convert_ui.widgets.remedies import tell


def parse(text: str) -> tuple[str, ...]:
    """The refs in ``text``, one a line; blank lines and those that begin with # are left out.

    Raises InvalidRequest when there is none.
    """
    lines = [line.strip().strip(",").strip("\"'") for line in text.splitlines()]
    refs = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not refs:
        raise InvalidRequest("no model is named.", hint="Write one a line.")
    return refs


class AddingCard:
    """Draws itself on creation; ``added`` is called with how many joined the queue."""

    def __init__(self, studio: Studio, added: Callable[[int], Awaitable[None]]) -> None:
        self._studio = studio
        self._added = added
        presets = studio.workspace.presets
        settings = studio.workspace.settings.load()
        with card("Add models"), block("stack"):
            kinds = studio.workspace.sources.kinds.values()
            with field("Models", f"One a line, from anywhere: {', '.join(kind.title for kind in kinds)}.") as name:
                self._refs = ui.textarea(placeholder="\n".join(kind.example for kind in kinds)).mark("refs")
                named(self._refs, name).props("spellcheck=false")
            with field("Presets", "With several, each model is read once and converted to all of them.") as name:
                options = {key: preset.title for key, preset in presets.items() if not preset.ref}
                chosen = [settings.preset] if settings.preset in options else []
                self._presets = ui.select(options, value=chosen, multiple=True).mark("presets")
                named(self._presets, name).props(f"use-chips options-dense dropdown-icon='{CHEVRON}'")
            self._notes = block("notes")
            with block(""):
                self._button = Button("Add to queue", self._add, icon="list-plus", kind="primary")
                self._button.classes("btn-wide").mark("add")
                recipe = Button("From a recipe …", self._add_recipe, icon="file-json", kind="ghost")
                recipe.classes("btn-wide").mark("add-recipe")
                with block("estimate-foot", "p"):
                    Tag("span", "Results go to ")
                    Tag("span", str(expanded(settings.output_folder).absolute()), "path")

    async def _add(self) -> None:
        self._notes.clear()
        try:
            refs = parse(self._refs.value or "")
            presets = tuple(self._presets.value or ())
            if not presets:
                raise InvalidRequest("no preset is chosen.", hint="Choose at least one.")
            await run.io_bound(self._studio.workspace.sources.check, refs)
            await self._put([ConvertRequest(ref=ref, preset=presets) for ref in refs])
        except MlxConvertError as error:
            with self._notes:
                tell(error)
        else:
            self._refs.value = ""

    async def _add_recipe(self) -> None:
        path = await pick_file(self._studio, "Choose a recipe", ".json")
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
            await run.io_bound(self._studio.enqueue, requests)
        finally:
            self._button.enable()
        await self._added(len(requests))
