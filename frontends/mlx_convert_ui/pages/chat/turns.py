"""The turns of a conversation, each drawn once; the newest answer as it comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from nicegui import ui

from mlx_convert_core.plugin import Conversation, StoredMessage, units
from mlx_convert_ui.pages.chat.reading import TurnLog
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.widgets.answer import Answer, copy_button
from mlx_convert_ui.widgets.attachments import pictures
from mlx_convert_ui.widgets.components import Button, Tag, attributes, block, note
from mlx_convert_ui.widgets.stream import TokenStream
from mlx_convert_ui.words import _, joined, plural

_CUT = ("length", "stopped")  # why an answer ended that can go on
SHOWN = 40  # turns; earlier ones are drawn when asked for, so that a long conversation stays quick


@dataclass(frozen=True)
class TurnActions:
    """What the buttons of a turn do."""

    edit: Callable[[int, str], Awaitable[bool]]
    regenerate: Callable[[], Awaitable[None]]
    go_on: Callable[[], Awaitable[None]]
    switch: Callable[[int, int], Awaitable[None]]


class Turns:
    """Draws a conversation, and then only what changed in it."""

    def __init__(self, actions: TurnActions) -> None:
        self._actions = actions
        self._turns: list[Turn] = []
        self._first = 0  # the message that the first of them shows
        self._drawn: tuple[Conversation, JobView | None] | None = None
        with TurnLog() as self._place:
            self._earlier = Button("", self._show_earlier, kind="ghost", classes="btn-small turns-earlier").mark(
                "earlier"
            )
        self._earlier.set_visibility(False)

    def draw(self, conversation: Conversation, view: JobView | None) -> None:
        """Show ``conversation`` and, after it, the answer in ``view``."""
        self._drawn = conversation, view
        newest = max(0, len(conversation.messages) - SHOWN)
        self._first = min(self._first, newest) if self._turns else newest
        contents: list[StoredMessage | JobView] = list(conversation.messages)
        if view is not None:
            contents[len(contents) - bool(view.begun) :] = [view]  # one that goes on takes the place of what it was
        wanted = [(index, content, conversation.versions(index)) for index, content in enumerate(contents)]
        del wanted[: self._first]
        self._put_before(wanted[: self._turns[0].index - self._first] if self._turns else [])
        kept = 0
        while kept < min(len(self._turns), len(wanted)) and self._turns[kept].is_now(*wanted[kept]):
            kept += 1
        for gone in self._turns[kept:]:
            gone.element.delete()
        del self._turns[kept:]
        with self._place:
            self._turns += [Turn(*one, self._actions, conversation.id) for one in wanted[kept:]]
        self._draw_earlier()

    def clear(self) -> None:
        """Show no conversation."""
        for gone in self._turns:
            gone.element.delete()
        self._turns, self._drawn = [], None
        self._earlier.set_visibility(False)

    def refresh(self) -> None:
        """Draw what came of the answer since the last time."""
        if self._turns:
            self._turns[-1].refresh()

    def _put_before(self, earlier: list[tuple[int, StoredMessage | JobView, tuple[int, int]]]) -> None:
        """Draw ``earlier`` before the turns that are there, which stay as they are."""
        assert self._drawn is not None
        with self._place:
            drawn = [Turn(*one, self._actions, self._drawn[0].id) for one in earlier]
        for place, turn in enumerate(drawn, 1):  # after the button
            turn.element.move(target_index=place)
        self._turns[:0] = drawn

    def _draw_earlier(self) -> None:
        words = plural("Show {count:,} earlier message", "Show {count:,} earlier messages", self._first)
        self._earlier.show(words)
        self._earlier.set_visibility(self._first > 0)

    def _show_earlier(self) -> None:
        assert self._drawn is not None
        read = self._turns[0].element
        self._first = max(0, self._first - SHOWN)
        self.draw(*self._drawn)
        if not self._first:  # the button goes, and with it the place of who uses no mouse
            read.props("tabindex=-1")
            read.client.run_javascript(f"getHtmlElement({read.id}).focus({{ preventScroll: true }})")


class Turn:
    """One message, or the answer that is on its way."""

    def __init__(
        self, index: int, content: StoredMessage | JobView, versions: tuple[int, int], actions: TurnActions, id: str
    ) -> None:
        self._id = id
        self.view: JobView | None = None
        self.index = index
        self._versions = versions
        self._message: StoredMessage | None = None
        self._actions = actions
        self._answer: Answer | None = None
        user = isinstance(content, StoredMessage) and content.role == "user"
        kind, speaker = ("turn-user", _("You")) if user else ("turn-model", _("Model"))
        self.element = block(f"turn {kind}", "article", label=speaker).mark("turn")
        with self.element:
            self._body = block("turn-body")
            self._foot = block("turn-foot")
        if isinstance(content, JobView):
            self._follow(content)
        elif user:
            self._draw_user(content)
        else:
            with self._body:
                TokenStream(text=content.content)
            self._settle(content)

    def is_now(self, index: int, content: StoredMessage | JobView, versions: tuple[int, int]) -> bool:
        """Whether this is how ``content`` is drawn; an answer that was on its way becomes the message it is kept as."""
        if index != self.index:
            return False
        if isinstance(content, JobView):
            return content is self.view
        if self.view is not None and content.role == "assistant" and content.content == self.view.text:
            self.refresh()
            self.view = None
            self._versions = versions
            self._settle(content)
            return True
        return (content, versions) == (self._message, self._versions)

    def refresh(self) -> None:
        """Draw what came since."""
        if self.view is not None and self._answer is not None:
            self._answer.refresh()

    def _follow(self, view: JobView) -> None:
        self.view = view
        with self._body:
            self._answer = Answer(view, self._actions.regenerate, compact=True)

    def _settle(self, message: StoredMessage) -> None:
        self._message = message
        self._foot.clear()
        with self._foot:
            copy_button(message.content)
            again = Button("", self._actions.regenerate, icon="rotate-ccw", kind="ghost", label=_("Answer again"))
            again.classes("btn-small turn-again").mark("regenerate")
            if message.figures.get("finish_reason") in _CUT:
                more = Button(_("Continue"), self._actions.go_on, icon="play", kind="ghost")
                more.classes("btn-small turn-again").mark("continue")
            self._switcher(_("Versions of this answer"), _("Earlier answer"), _("Later answer"))
            Tag("span", _figures(message), "turn-figures")

    def _draw_user(self, message: StoredMessage) -> None:
        self._message = message
        self._body.clear()
        self._foot.clear()
        with self._body:
            pictures(message.attachments, self._id)
            Tag("div", message.content, "bubble").props("dir=auto")
        with self._foot:
            copy_button(message.content, "message")
            label = _("Edit and ask again")
            edit = Button("", self._edit, icon="pencil", kind="ghost", label=label, classes="btn-small")
            edit.mark("edit")
            self._switcher(_("Versions of this message"), _("Earlier message"), _("Later message"))

    def _switcher(self, versions: str, earlier: str, later: str) -> None:
        """The way to the others, where this was said or answered more than once; what it and its buttons are called."""
        place, count = self._versions
        if count < 2:
            return
        with attributes(block("versions"), {"role": "group", "aria-label": versions}):
            for icon, by, label, there in (
                ("chevron-left", -1, earlier, place > 1),
                ("chevron-right", 1, later, place < count),
            ):
                if by > 0:
                    Tag("span", _("{number} of {total}", number=place, total=count), "versions-place")
                button = Button("", partial(self._actions.switch, self.index, by), icon=icon, kind="ghost", label=label)
                button.classes("btn-small").enable(there).mark(f"version{by:+d}")

    def _edit(self) -> None:
        message = self._message
        assert message is not None
        self._body.clear()
        self._foot.clear()
        with self._body, block("turn-edit"):
            pictures(message.attachments, self._id)
            box = ui.textarea(value=message.content).mark("edited")
            attributes(
                box.props("outlined dense hide-bottom-space autogrow autofocus"), {"aria-label": _("Your message")}
            )
            Tag("p", _("The old one is kept: use the arrows below a message to switch."), "field-hint")
            with block("dialog-actions"):
                Button(_("Cancel"), lambda: self._draw_user(message)).mark("cancel-edit")
                Button(_("Ask again"), lambda: self._send(box.value or ""), kind="primary").mark("send-edit")

    async def _send(self, text: str) -> None:
        if self._message is not None and await self._actions.edit(self.index, text):
            return  # drawn anew, as another message


def unanswered(again: Callable[[], Any], former: Callable[[], Any] | None) -> None:
    """Below a last message that nobody answers: the program ended, or the answer was stopped at once.

    ``former`` shows the answer that it had before, None where it had none.
    """

    def actions() -> None:
        Button(_("Answer it"), again, icon="play", classes="btn-small").mark("answer-it")
        if former is not None:
            Button(_("Show the previous answer"), former, icon="history", classes="btn-small").mark("former-answer")

    note("info", _("This message has no answer."), actions=actions)


def _figures(message: StoredMessage) -> str:
    """``12.3 tokens/s · first after 0.8 s · 120 tokens``, as far as it was kept."""
    figures = message.figures
    parts = []
    if speed := figures.get("generation_tokens_per_second"):
        parts.append(units.speed(speed))
    if first := figures.get("time_to_first_token"):
        parts.append(_("first after {time}", time=units.duration(first)))
    if tokens := figures.get("generation_tokens"):
        parts.append(plural("{count:,} token", "{count:,} tokens", int(tokens)))
    if figures.get("finish_reason") == "stopped":
        parts.append(_("stopped"))
    if figures.get("finish_reason") == "length":
        parts.append(_("cut off at the token limit"))
    return joined(*parts)
