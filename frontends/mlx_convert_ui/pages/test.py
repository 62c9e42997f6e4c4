"""The Test page: choose a converted model, ask it something, watch it answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from nicegui import run, ui

from mlx_convert_core import LibraryEntry, MlxConvertError
from mlx_convert_ui.components import CHEVRON, Button, Tag, block, card, field, named, note
from mlx_convert_ui.picker import pick_folder
from mlx_convert_ui.prompts import EXAMPLE_PROMPTS, TITLES
from mlx_convert_ui.studio import Studio
from mlx_convert_ui.theme import frame
from mlx_convert_ui.trial.answer import AnswerCard
from mlx_convert_ui.trial.sampler import Sampler, SamplerFields

STREAM_SECONDS = 0.05
ANOTHER = ""
# Ctrl-Enter and Cmd-Enter generate; the page is asked only then.
_ENTER = (
    "(event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); emit(); } }"
)


def register(studio: Studio) -> None:
    """Serve it at /test."""

    @ui.page("/test")
    async def page(model: str = "") -> None:
        entries = await run.io_bound(studio.entries) or ()
        with frame(studio, "/test", "Test", "Ask a converted model something and see how fast it answers."):
            TestPage(studio, entries, model)


class TestPage:
    """The form of one tab; the answer is the newest of all of them."""

    __test__ = False  # a page, not a test

    def __init__(self, studio: Studio, entries: Sequence[LibraryEntry], model: str) -> None:
        self._studio = studio
        self._entries = {str(entry.path): entry for entry in entries if not entry.missing}
        draft = studio.draft.test
        self._sampler = Sampler(**draft.get("sampler", {}))
        self._model = model or draft.get("model", "") or next(iter(self._entries), ANOTHER)
        with block("columns"):
            with block("column"):
                self._model_card()
                self._prompt_card(draft.get("prompt", EXAMPLE_PROMPTS["simple"]))
                self._answer = AnswerCard(self._generate)
            with block("column sticky"):
                self._settings_card()
        self._refresh()
        ui.timer(STREAM_SECONDS, self._refresh)

    def _model_card(self) -> None:
        options = {path: entry.name for path, entry in self._entries.items()} | {ANOTHER: "Another folder …"}
        known = self._model in options
        with card("Model"):
            select = ui.select(options, value=self._model if known else ANOTHER, on_change=self._chosen).mark("model")
            select.props(f"outlined dense hide-bottom-space options-dense dropdown-icon='{CHEVRON}' aria-label=Model")
            with block("row-line").style("margin-top: 10px") as self._other:
                self._path = (
                    ui.input(value="" if known else self._model, on_change=self._typed).mark("path").classes("grow")
                )
                self._path.props('outlined dense hide-bottom-space spellcheck=false aria-label="Folder of the model"')
                self._path.props('placeholder="Folder of a converted model"')
                Button("Browse", self._pick, icon="folder-open").mark("browse-model")
            self._other.set_visibility(not known or self._model == ANOTHER)
            if not self._entries:
                Tag("p", "The library is empty: convert a model first, or name a folder here.", "field-hint").style(
                    "margin-top: 8px"
                )

    def _prompt_card(self, prompt: str) -> None:
        with card("Prompt"):
            self._prompt = ui.textarea(value=prompt, on_change=self._keep).mark("prompt")
            self._prompt.props('outlined dense hide-bottom-space aria-label="Prompt" input-style="min-height: 92px"')
            self._prompt.on("keydown", self._generate, [], js_handler=_ENTER)
            with block("examples").props('role=group aria-label="Example prompts"'):
                Tag("span", "Examples", "muted")
                for key, text in EXAMPLE_PROMPTS.items():
                    Button(TITLES[key], lambda text=text: self._prompt.set_value(text), classes="btn-small").mark(
                        f"example-{key}"
                    )

    def _settings_card(self) -> None:
        with card("Settings"):
            with block("stack"):
                self._dials = SamplerFields(self._sampler, self._keep)
                with field(
                    "System prompt", "Who the model should be and how it should answer, said before your prompt."
                ) as name:
                    system = ui.textarea(value=self._sampler.system, on_change=self._system).mark("system")
                    named(system, name).props('placeholder="You are a helpful assistant."')
            self._notes = block("notes")
            self._button = Button("Generate", self._press, icon="play", kind="primary", classes="btn-wide").mark(
                "generate"
            )
            self._button.style("margin-top: 16px")
            Tag("p", "Ctrl or ⌘ with Enter does the same.", "estimate-foot")

    def _chosen(self, event: object) -> None:
        self._model = event.value  # type: ignore[attr-defined]
        self._other.set_visibility(self._model == ANOTHER)
        self._keep()
        entry = self._entries.get(self._model)
        for preset in self._studio.workspace.presets.values():
            if entry is not None and preset.ref and preset.ref == entry.source:
                self._dials.show(self._sampler.recommended(preset))
                ui.notify(f"Settings as the authors of {preset.title} recommend")

    def _typed(self) -> None:
        self._model = (self._path.value or "").strip()
        self._keep()

    def _system(self, event: object) -> None:
        self._sampler.system = event.value or ""  # type: ignore[attr-defined]
        self._keep()

    async def _pick(self) -> None:
        chosen = await pick_folder(self._studio, "Choose a converted model", self._model)
        if chosen:
            self._path.value = chosen

    def _keep(self) -> None:
        draft = {"model": self._model, "prompt": self._prompt.value or "", "sampler": asdict(self._sampler)}
        self._studio.draft.test = draft

    async def _press(self) -> None:
        view = self._answer.view
        if view is not None and view.active:
            self._button.enable(False)
            view.job.cancel()
        else:
            await self._generate()

    async def _generate(self) -> None:
        view = self._answer.view
        if view is not None and view.active:
            return
        self._notes.clear()
        self._button.enable(False)
        try:
            if not self._model:
                raise MlxConvertError("no model is chosen.", hint="Choose one from the library, or name its folder.")
            request = self._sampler.request(self._prompt.value or "")
            model = str(Path(self._model).expanduser())
            await run.io_bound(self._studio.generate, model, request)
        except MlxConvertError as error:
            with self._notes:
                note("error", error.message, error.hint)
        self._button.enable()
        self._refresh()

    def _refresh(self) -> None:
        views = self._studio.views.of("generate")
        newest = views[0] if views else None
        if newest is not self._answer.view:
            self._answer.follow(newest)
        active = newest is not None and newest.active
        self._answer.refresh()
        if self._button.text != (text := "Stop" if active else "Generate"):
            self._button.show(text).icon("square" if active else "play").enable()
