"""The Compare page: the same question to two to four models, their answers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from nicegui import run, ui

from mlx_convert_core import Comparison, LibraryEntry, MlxConvertError
from mlx_convert_ui.pages.compare.columns import Columns
from mlx_convert_ui.pages.compare.models import ModelChoices
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, block, card, empty
from mlx_convert_ui.widgets.dialogs import waiting
from mlx_convert_ui.widgets.folded import folded
from mlx_convert_ui.widgets.frame import READ_SECONDS, frame
from mlx_convert_ui.widgets.model_choice import model_folder, no_models
from mlx_convert_ui.widgets.prompt_field import PromptField
from mlx_convert_ui.widgets.prompts import EXAMPLE_PROMPTS
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.widgets.sampler import Sampler, SamplerFields
from mlx_convert_ui.words import _

STREAM_SECONDS = 0.05


def register(studio: Studio) -> None:
    """Serve it at /compare; ``model`` comes first, when one is named."""

    @ui.page("/compare", response_timeout=READ_SECONDS)
    async def page(request: Request) -> None:
        entries = await run.io_bound(studio.entries) or ()
        subtitle = _("Ask several models the same question and see where their answers differ.")
        with frame(studio, "/compare", _("Compare"), subtitle):
            ComparePage(studio, entries, request.query_params.getlist("model"))


class ComparePage:
    """The form of one tab; the comparison is the newest of all of them."""

    def __init__(self, studio: Studio, entries: Sequence[LibraryEntry], models: list[str]) -> None:
        self._studio = studio
        self._entries = entries
        self._asked = models
        self._client = ui.context.client
        self._body = block("whole")
        self._drawn = studio.draft.compare
        self._build(self._drawn)
        self._client.on_connect(self._own_draft)
        ui.timer(STREAM_SECONDS, self._refresh)

    def _own_draft(self) -> None:
        """The tab is known now: where it has a draft of its own, and another one is drawn, show that."""
        own = self._studio.draft.own("compare", self._client.tab_id)
        if own is not None and own != self._drawn:
            self._body.clear()
            self._build(own)

    def _build(self, draft: dict[str, Any]) -> None:
        self._drawn = draft
        self._sampler = Sampler(**draft.get("sampler", {}))
        present = [str(entry.path) for entry in self._entries]
        with self._body, block("column compare"):
            with card(_("Models"), _("Two to four")):
                chosen = _first(self._asked, draft, present)
                self._models = ModelChoices(self._studio, self._entries, chosen, self._keep)
                if len(present) < 2:
                    self._first_step()
            self._prompt_card(draft.get("prompt", EXAMPLE_PROMPTS["technical"]))
            with folded(_("Settings, the same for all"), "compare-settings"):
                self._dials = SamplerFields(self._studio, self._sampler, self._keep)
            self._place = block("compare-place", "section", label=_("Answers"))
        self._columns: Columns | None = None
        with self._place, block("card"):
            text = _("Choose two models or more, type a prompt, and compare.")
            empty("columns-2", _("Nothing compared yet"), text)
        self._refresh()

    def _first_step(self) -> None:
        with block("first-step"):
            text = _("Convert a model with two presets, such as 4-bit and 8-bit, to see what a smaller size costs.")
            Tag("p", text, "muted")
            no_models()

    def _prompt_card(self, prompt: str) -> None:
        with card(_("Prompt")):
            self._prompt = PromptField(prompt, self._keep, self._compare)
            self._notes = block("notes")
            with block("send-row"):
                Tag("span", _("Without a seed, all models get the same random one"), "field-hint push wide-only")
                self._button = Button(_("Compare"), self._press, icon="columns-2", kind="primary").mark("compare")

    def _keep(self) -> None:
        sampler = self._sampler.values()
        self._drawn = {"models": list(self._models.values), "prompt": self._prompt.value, "sampler": sampler}
        self._studio.draft.keep("compare", self._client.tab_id, self._drawn)

    @property
    def _active(self) -> bool:
        current = self._studio.comparisons.current
        return current is not None and current.active

    async def _press(self) -> None:
        if self._active:
            self._button.enable(False)
            self._studio.comparisons.stop()
        else:
            await self._compare()

    async def _compare(self) -> None:
        if self._active:
            return
        self._notes.clear()
        self._keep()
        self._button.enable(False)
        try:
            request = self._sampler.request(self._prompt.value)
            models = [model_folder(model) for model in self._models.values]
            async with waiting(_("Opening the models …")):
                await run.io_bound(self._studio.comparisons.start, models, request)
        except MlxConvertError as error:
            with self._notes:
                tell(error)
        finally:
            self._button.enable()
        self._refresh()
        ui.run_javascript("document.querySelector('.compare-place').scrollIntoView({block: 'nearest'})")

    def _refresh(self) -> None:
        current = self._studio.comparisons.current
        if current is not None and (self._columns is None or current is not self._columns.shown):
            self._place.clear()
            with self._place:
                self._columns = Columns(current, self._compare)
        if self._columns is not None:
            self._columns.refresh()
        if self._button.text != (text := _("Stop") if self._active else _("Compare")):
            self._button.show(text).icon("square" if self._active else "columns-2").enable()


def _first(models: list[str], draft: dict[str, Any], present: list[str]) -> list[str]:
    """What is chosen when the page opens: ``models`` (and another beside one), or what was last, or the newest two."""
    if models:
        others = (path for path in present if path not in models)
        return [*models, *others][: max(len(models), Comparison.FEWEST)]
    return list(draft.get("models") or present[: Comparison.FEWEST])
