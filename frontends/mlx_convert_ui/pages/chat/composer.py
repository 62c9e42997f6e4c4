"""Where the next message is typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from mlx_convert_ui.pages.chat.meter import ContextMeter
from mlx_convert_ui.pages.chat.reading import NewestButton
from mlx_convert_ui.widgets.attachments import Attachments
from mlx_convert_ui.widgets.components import Button, Tag, attributes, block
from mlx_convert_ui.words import _

# Enter sends and Shift-Enter breaks the line; the Enter that ends the composition of a character does neither.
_ENTER = (
    "(event) => { if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229)"
    " { event.preventDefault(); emit(); } }"
)


class Composer:
    """A text that grows with what is typed, what is shown with it, and the button that sends it or stops the answer."""

    def __init__(
        self,
        text: str,
        changed: Callable[[str], None],
        attachments: Attachments,
        send: Callable[[], Awaitable[None]],
        stop: Callable[[], None],
    ) -> None:
        self.attachments = attachments
        self._send = send
        self._stop = stop
        self._active = False
        with block("composer"):
            NewestButton()
            self.notes = block("notes")
            attachments.draw_notes()
            attachments.draw_files()
            with block("composer-row"):
                attachments.draw_button()
                self._box = ui.textarea(value=text, on_change=lambda event: changed(event.value or "")).mark("message")
                self._box.props("outlined dense hide-bottom-space autogrow autofocus").classes("grow")
                attributes(self._box, {"aria-label": _("Message"), "placeholder": _("Ask something")})
                self._box.on("keydown", self._enter, [], js_handler=_ENTER)
                self._button = Button(_("Send"), self._press, icon="arrow-up", kind="primary").mark("send")
            self.meter = ContextMeter()
            text = _("Enter sends, Shift-Enter starts a new line. Models make mistakes: check what matters.")
            Tag("p", text, "field-hint")

    @property
    def text(self) -> str:
        """What is typed."""
        return str(self._box.value or "")

    def clear(self) -> None:
        """Empty it, ready for the next message."""
        self._box.value = ""

    def put(self, text: str) -> None:
        """Put ``text`` into it."""
        self._box.value = text

    def fill(self, text: str) -> None:
        """Put ``text`` into it, to be changed and sent."""
        self.put(text)
        self._box.run_method("focus")

    def show(self, *, active: bool) -> None:
        """Send, or Stop while an answer comes."""
        if active != self._active:
            self._active = active
            self._button.show(_("Stop") if active else _("Send")).icon("square" if active else "arrow-up").enable()

    def wait(self, waiting: bool = True) -> None:
        """Let nothing be sent while something is being done."""
        self._button.enable(not waiting)

    async def _enter(self) -> None:
        if not self._active and not self.attachments.busy:
            await self._send()

    async def _press(self) -> None:
        if self._active:
            self._button.enable(False)
            self._stop()
        elif not self.attachments.busy:
            await self._send()
