"""The card with the answer: loading, streaming, figures, errors. All of it comes from its JobView."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from mlx_convert_core import GenerateResult, JobState
from mlx_convert_ui import wording
from mlx_convert_ui.bridge import JobView
from mlx_convert_ui.components import Badge, Button, Tag, block, empty, note
from mlx_convert_ui.stream import TokenStream


class AnswerCard:
    """Draws a view as it is now; `refresh` sends what changed since."""

    def __init__(self, again: Callable[[], Any]) -> None:
        self.view: JobView | None = None
        self._again = again
        self._stream: TokenStream | None = None
        self._shown: tuple[object, ...] = ()
        self.element = block("card", "section").props('aria-label="Answer"')
        with self.element:
            with block("card-head"):
                Tag("h2", "Answer", "card-title")
                self._model = Tag("span", "", "card-hint")
                self._state = block("push row-line")
            self._body = block("answer")
            self._figures = block("figures").props("aria-live=off")
        self.follow(None)

    def follow(self, view: JobView | None) -> None:
        """Show another answer, from its beginning."""
        self.view = view
        self._stream = None
        self._shown = ()
        self._model.show(view.model if view else "")
        self._body.clear()
        self._figures.clear()
        self._state.clear()
        if view is None:
            with self._body:
                empty(
                    "message-square", "No answer yet", "Choose a model, type a prompt or take an example, and generate."
                )
            return
        self.refresh()

    def refresh(self) -> None:
        """Draw the changes; cheap when there are none."""
        view = self.view
        if view is None:
            return
        loading = view.loading is not None and view.loading.active
        now = (view.state, loading, bool(view.chunks))
        if now != self._shown:
            self._shown = now
            self._redraw(view, loading=loading)
        if self._stream is not None:
            self._stream.refresh()
        if view.active and view.chunks:
            self._live(view)

    def _redraw(self, view: JobView, *, loading: bool) -> None:
        self._state.clear()
        with self._state:
            _state(view, loading=loading)
            if view.chunks and not view.active:
                Button(
                    "",
                    lambda: self._copy(view),
                    icon="copy",
                    kind="ghost",
                    label="Copy the answer",
                    classes="btn-small",
                )
        if view.chunks and self._stream is None:
            self._body.clear()
            with self._body:
                self._stream = TokenStream(view)
        elif not view.chunks:
            self._waiting(view, loading=loading)
        if not view.active:
            self._end(view)

    def _waiting(self, view: JobView, *, loading: bool) -> None:
        self._body.clear()
        if not view.active:
            return
        with self._body, block("row-line"):
            Tag("span", "", "spin").props("aria-hidden=true")
            Tag("p", "Loading the model …" if loading else "Reading the prompt …", "muted")

    def _end(self, view: JobView) -> None:
        self._figures.clear()
        error = (view.loading.error if view.loading else None) or view.error
        if error is not None:
            with self._body:
                note("error", error.message, error.hint, self._retry)
        elif view.state is JobState.FINISHED:
            result = view.job.result()
            with self._body:
                _remarks(result)
            with self._figures:
                _final(result)

    def _retry(self) -> None:
        Button("Try again", self._again, icon="rotate-ccw")

    def _live(self, view: JobView) -> None:
        """Tokens a second so far, counted here until the runner's own figures come."""
        seconds = view.progressed - view.first_token
        rate = (len(view.chunks) - 1) / seconds if seconds > 0 else 0.0
        children = self._figures.default_slot.children
        if len(children) != 1:
            self._figures.clear()
            with self._figures:
                Tag("span", "", "muted")
        self._figures.default_slot.children[0].show(f"{rate:.1f} tokens/s · {len(view.chunks)} pieces")  # type: ignore[attr-defined]

    def _copy(self, view: JobView) -> None:
        ui.clipboard.write(view.text_since(0)[1])
        ui.notify("Answer copied")


def _state(view: JobView, *, loading: bool) -> None:
    if loading:
        Badge("Loading", "busy")
    elif view.active:
        Badge("Answering", "busy")
    elif view.state is JobState.CANCELLED:
        Badge("Stopped")
    elif view.state is JobState.FAILED:
        Badge("Failed", "bad")


def _remarks(result: GenerateResult) -> None:
    if result.finish_reason == "length":
        note("info", "The answer was cut off at the limit of tokens.", "Raise Max tokens to let it finish.")
    if not result.chat_template:
        note("info", "This model has no chat template.", "It continues your text instead of answering it.")
    if not result.text.strip():
        note("info", "The model ended at once, without a word.", "Try another prompt, or a higher temperature.")


def _final(result: GenerateResult) -> None:
    rows = [
        ("Speed", f"{result.generation_tokens_per_second:.1f} tokens/s"),
        ("First token after", wording.duration(result.time_to_first_token)),
        ("Peak memory", wording.size(result.peak_memory)),
        ("Tokens", f"{result.prompt_tokens} in, {result.generation_tokens} out"),
    ]
    for name, value in rows:
        with block("figure", "div"):
            Tag("span", name, "figure-name")
            Tag("span", value, "figure-value")
