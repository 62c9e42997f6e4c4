"""The Test page: choose a converted model, ask it something, watch it answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nicegui import run, ui

from mlx_convert_core import LibraryEntry, MlxConvertError
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.answer import AnswerCard
from mlx_convert_ui.widgets.attachments import Attachments
from mlx_convert_ui.widgets.components import Button, Tag, block, card
from mlx_convert_ui.widgets.dialogs import waiting
from mlx_convert_ui.widgets.frame import READ_SECONDS, frame
from mlx_convert_ui.widgets.model_choice import ModelChoice, model_folder, no_models
from mlx_convert_ui.widgets.prompt_field import PromptField
from mlx_convert_ui.widgets.prompts import EXAMPLE_PROMPTS
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.widgets.sampler import Sampler, SamplerFields
from mlx_convert_ui.words import _

PLACE = "test"
STREAM_SECONDS = 0.05


def register(studio: Studio) -> None:
    """Serve it at /test."""

    @ui.page("/test", response_timeout=READ_SECONDS)
    async def page(model: str = "") -> None:
        entries = await run.io_bound(studio.entries) or ()
        subtitle = _("One question, and how fast it is answered. Chat keeps what was said.")
        with frame(studio, "/test", _("Test"), subtitle):
            TestPage(studio, entries, model)


class TestPage:
    """The form of one tab; the answer is the newest of all of them."""

    __test__ = False  # a page, not a test

    def __init__(self, studio: Studio, entries: Sequence[LibraryEntry], model: str) -> None:
        self._studio = studio
        self._entries = entries
        self._asked = model
        self._client = ui.context.client
        self._body = block("whole")
        self._drawn = studio.draft.test
        self._build(self._drawn)
        self._client.on_connect(self._own_draft)
        ui.timer(STREAM_SECONDS, self._refresh)

    def _own_draft(self) -> None:
        """The tab is known now: where it has a draft of its own, and another one is drawn, show that."""
        own = self._studio.draft.own("test", self._client.tab_id)
        if own is not None and own != self._drawn:
            self._body.clear()
            self._build(own)

    def _build(self, draft: dict[str, Any]) -> None:
        self._drawn = draft
        self._sampler = Sampler(**draft.get("sampler", {}))
        first = next((str(entry.path) for entry in self._entries), "")
        with self._body, block("columns"):
            with block("column"):
                self._model_card(self._entries, self._asked or draft.get("model", "") or first)
                self._files = Attachments(self._studio, draft.get("files", ()), lambda _files: self._keep())
                self._prompt_card(draft.get("prompt", EXAMPLE_PROMPTS["simple"]))
                self._answer = AnswerCard(self._generate)
            with block("column sticky"), card(_("Settings")):
                self._dials = SamplerFields(self._studio, self._sampler, self._keep)
            ui.timer(0, lambda: self._files.follow(self._model.value), once=True)
        self._refresh()

    def _model_card(self, entries: Sequence[LibraryEntry], model: str) -> None:
        with card(_("Model"), _("From the library, or any folder with a converted model")):
            self._model = ModelChoice(self._studio, entries, model, self._chosen)
            if not entries:
                with block("first-step"):
                    text = _("There is no converted model yet. Convert one first, or name its folder above.")
                    Tag("p", text, "muted")
                    no_models()

    def _prompt_card(self, prompt: str) -> None:
        with card(_("Prompt")):
            self._prompt = PromptField(prompt, self._keep, self._generate)
            self._files.draw_files()
            self._files.draw_notes()
            self._notes = block("notes")
            with block("send-row"):
                self._files.draw_button()
                Tag("span", _("Or press ⌘-Enter (Ctrl-Enter)"), "field-hint push wide-only")
                self._button = Button(_("Generate"), self._press, icon="play", kind="primary").mark("generate")

    async def _chosen(self, model: str) -> None:
        self._keep()
        await self._files.follow(model)
        advice = await run.io_bound(self._studio.advice, model)
        if advice is not None and advice.values:
            self._dials.show(self._sampler.recommended(advice))
            ui.notify(advice.words)

    def _keep(self) -> None:
        self._drawn = {
            "model": self._model.value,
            "prompt": self._prompt.value,
            "files": self._files.files,
            "sampler": self._sampler.values(),
        }
        self._studio.draft.keep("test", self._client.tab_id, self._drawn)

    async def _press(self) -> None:
        view = self._answer.view
        if view is not None and view.active:
            self._button.enable(False)
            view.job.cancel()
        else:
            await self._generate()

    async def _generate(self) -> None:
        view = self._answer.view
        if (view is not None and view.active) or self._files.busy:
            return
        self._notes.clear()
        self._keep()
        self._button.enable(False)
        try:
            files = tuple(file.path for file in self._files.files)
            request = replace(self._sampler.request(self._prompt.value), attachments=files)
            async with waiting(_("Opening the model …")):
                await run.io_bound(self._studio.answers.ask, model_folder(self._model.value), request, PLACE)
        except MlxConvertError as error:
            with self._notes:
                tell(error)
        finally:
            self._button.enable()
        self._refresh()

    def _refresh(self) -> None:
        views = self._studio.views.of("generate", PLACE)
        newest = views[0] if views else None
        if newest is not None and newest is not self._answer.view:
            self._answer.follow(newest)
        active = newest is not None and newest.active
        self._answer.refresh()
        if self._button.text != (text := _("Stop") if active else _("Generate")):
            self._button.show(text).icon("square" if active else "play").enable()
