"""An answer as it comes: loading, streaming, figures, errors. All of it comes from its JobView."""

from __future__ import annotations

import time
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from mlx_convert_core import GenerateResult, JobState
from mlx_convert_core.plugin import Remedies, SetOption, units
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.widgets.components import Badge, Button, Tag, block, empty, note
from mlx_convert_ui.widgets.copying import CopyButton
from mlx_convert_ui.widgets.dialogs import confirm, lasting
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.widgets.stream import TokenStream
from mlx_convert_ui.words import _

LIVE_SECONDS = 0.5  # each change of a label makes the browser look at the whole page again


class Answer:
    """Draws ``view`` as it is now; `refresh` sends what changed since. ``again`` is what "Try again" does.

    A ``compact`` one leaves figures and remarks to whoever shows it, but for what loading its model showed.
    """

    def __init__(
        self,
        view: JobView,
        again: Callable[[], Any] | None,
        *,
        compact: bool = False,
    ) -> None:
        self.view = view
        self.stream: TokenStream | None = None
        self._again = again
        self._compact = compact
        self._warns = not compact or is_loading(view)
        self._shown: tuple[object, ...] = ()
        self._told = 0.0
        self._body = block("answer").props("aria-live=polite")
        self._figures = block("figures")
        self._live: Tag | None = None
        self.refresh()

    def refresh(self) -> bool:
        """Draw the changes, cheap when there are none; True when the state is another."""
        view = self.view
        now = (view.state, is_loading(view), bool(view.chunks))  # read before the text, or its end could be lost
        changed = now != self._shown
        if changed:
            self._shown = now
            self._redraw()
        if self.stream is not None:
            self.stream.refresh()
        if view.active and view.chunks and time.monotonic() - self._told > LIVE_SECONDS:
            self._told = time.monotonic()
            self._tell_speed()
        return changed

    def _redraw(self) -> None:
        view = self.view
        if view.chunks and self.stream is None:
            self._body.clear()
            with self._body:
                self.stream = TokenStream(view)
        elif not view.chunks:
            self._body.clear()
            if view.active:
                self._wait()
        if not view.active:
            self._end()

    def _wait(self) -> None:
        with self._body, block("row-line"):
            Tag("span", "", "spin").props("aria-hidden=true")
            Tag("p", _("Loading the model …") if is_loading(self.view) else _("Reading the prompt …"), "muted")

    def _end(self) -> None:
        self._figures.clear()
        view = self.view
        error = (view.loading.error if view.loading else None) or view.error
        with self._body:
            if error is not None:
                tell(error, self._way_on(error.remedies) if self._again else None)
            elif view.state is JobState.CANCELLED and not view.chunks:
                Tag("p", _("Stopped before the first word."), "muted")
            elif view.state is JobState.FINISHED:
                warnings = view.loading.warnings if view.loading is not None and self._warns else ()
                for text in warnings:
                    note("warning", text)
                if not self._compact:
                    _remarks(view.job.result(), told=bool(warnings))
        if view.state is JobState.FINISHED and not self._compact:
            with self._figures:
                figures(view.job.result())

    def _way_on(self, remedies: Remedies) -> Callable[[], None]:
        """What draws the button for going on after an error."""
        ways = {"trust_remote_code": self._ask, "anyway": self._offer_anyway}
        offered = (ways.get(remedy.option) for remedy in remedies if isinstance(remedy, SetOption))
        return next(filter(None, offered), self._retry) if self.view.allow is not None else self._retry

    def _offer_anyway(self) -> None:
        Button(_("Load it anyway"), self._insist, icon="play").mark("load-anyway")

    async def _insist(self) -> None:
        if self.view.insist is not None:
            self.view.insist()
            await self._ask_again()

    async def _ask_again(self) -> None:
        asked = self._again() if self._again is not None else None
        if isawaitable(asked):
            await asked

    def _retry(self) -> None:
        Button(_("Try again"), self._again, icon="rotate-ccw").mark("again")

    def _ask(self) -> None:
        Button(_("Run its code …"), lasting(self._allow), icon="play").mark("allow-code")

    async def _allow(self) -> None:
        """Run the model's own code once a person agreed to it, knowing what that is."""
        view = self.view
        sure = await confirm(
            _("Run the Python code of {model}?", model=view.model),
            _(
                "It came with the model and can do whatever you can: read, change and send your files. "
                "Say yes only if you have read it and trust its author. It holds until MLX Convert is closed."
            ),
            action=_("Run its code"),
        )
        if sure and view.allow is not None:
            view.allow()
            await self._ask_again()

    def _tell_speed(self) -> None:
        view = self.view
        seconds = view.progressed - view.first_token
        if seconds <= 0:
            return
        if self._live is None:
            with self._figures:
                self._live = Tag("span", "", "muted")
        speed = units.speed((len(view.chunks) - bool(view.begun) - 1) / seconds)
        self._live.show(_("{speed} so far", speed=speed))


class AnswerCard:
    """The newest answer of a page, or a word on how to get one."""

    def __init__(self, again: Callable[[], Any]) -> None:
        self._again = again
        self._answer: Answer | None = None
        with block("card", "section", label=_("Answer")):
            with block("card-head"):
                Tag("h2", _("Answer"), "card-title")
                self._model = Tag("span", "", "card-hint")
                self._state = block("push row-line")
            self._place = block("answer-place")
        with self._place:
            empty(
                "message-square",
                _("No answer yet"),
                _("Choose a model, type a prompt or pick an example, then click Generate."),
            )

    @property
    def view(self) -> JobView | None:
        """What is shown."""
        return self._answer.view if self._answer else None

    def follow(self, view: JobView) -> None:
        """Show another answer, from its beginning."""
        self._model.show(view.model)
        self._place.clear()
        with self._place:
            self._answer = Answer(view, self._again)
        self._draw_state(view)

    def refresh(self) -> None:
        """Draw the changes; cheap when there are none."""
        if self._answer is not None and self._answer.refresh():
            self._draw_state(self._answer.view)

    def _draw_state(self, view: JobView) -> None:
        self._state.clear()
        with self._state:
            state_badge(view)
            if view.chunks and not view.active:
                copy_button(view.text)


def state_badge(view: JobView) -> None:
    """A word on where the answer stands; none when all is well and done."""
    if is_loading(view):
        Badge(_("Loading"), "busy")
    elif view.active:
        Badge(_("Answering"), "busy")
    elif view.state is JobState.CANCELLED:
        Badge(_("Stopped"))
    elif view.state is JobState.FAILED:
        Badge(_("Failed"), "bad")


def copy_button(text: str, what: str = "answer") -> CopyButton:
    """A small button that copies ``text``."""
    return CopyButton(text, what, kind="ghost").mark("copy")


def is_loading(view: JobView) -> bool:
    """Whether its model is not there yet."""
    own = view.steps.get("load")
    return view.active and (
        (view.loading is not None and view.loading.active) or (own is not None and own.state == "running")
    )


def figures(result: GenerateResult) -> None:
    """How fast an answer came, and what it took."""
    rows = [
        (_("Speed"), units.speed(result.generation_tokens_per_second)),
        (_("First token after"), units.duration(result.time_to_first_token)),
        (_("Peak memory"), units.size(result.peak_memory)),
        (_("Tokens"), _("{read} in, {written} out", read=result.prompt_tokens, written=result.generation_tokens)),
    ]
    for name, value in rows:
        with block("figure"):
            Tag("span", name, "figure-name")
            Tag("span", value, "figure-value")


def _remarks(result: GenerateResult, *, told: bool) -> None:
    """What else is to be said; ``told``: loading has said already how the model takes a prompt."""
    if result.finish_reason == "length":
        note("info", _("The answer was cut off at the limit of tokens."), _("Raise Max tokens to let it finish."))
    if not result.chat_template and not told:
        note("info", _("This model has no chat template."), _("It continues your text instead of answering it."))
    if not result.text.strip():
        note("info", _("The model ended at once, without a word."), _("Try another prompt, or a higher temperature."))
