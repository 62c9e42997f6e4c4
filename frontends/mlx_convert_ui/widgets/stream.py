"""An answer on the page: the browser renders its Markdown, the server sends only what is new."""

from __future__ import annotations

from nicegui.element import Element

from mlx_convert_ui.state.job_views import JobView


class TokenStream(Element, component="token_stream.js", esm={"mlx-markdown": "markdown", "mlx-clipboard": "clipboard"}):
    """Shows the text of ``view`` from its beginning, or a finished ``text``; `refresh` sends what came since.

    Each delta carries the positions that it runs from and to, so that one delivered twice after a reconnect is
    dropped, and one that got lost is noticed and made good.
    """

    def __init__(self, view: JobView | None = None, *, text: str = "") -> None:
        super().__init__()
        self._view = view
        self._finished = view is None or not view.active  # read before the text, or the last piece could be lost
        self._position = 0
        if view is not None:
            self._position, text = view.text_since(0)
        self._props.update({"text": text, "position": self._position, "finished": self._finished})
        self.on("gap", self._resend, [])

    def refresh(self) -> None:
        """Send what is new, and the end when it has come."""
        if self._finished or self._view is None:
            return
        finished = not self._view.active
        start = self._position
        self._position, delta = self._view.text_since(start)
        if delta:
            self.run_method("append", start, self._position, delta)
        if finished:
            self._finished = True
            self.run_method("finish")

    def point_out(self, start: int, end: int) -> None:
        """Show the characters from ``start`` to ``end`` of the answer as different."""
        self.run_method("point_out", start, end)

    def _resend(self) -> None:
        if self._view is None:
            return
        self._position, text = self._view.text_since(0)
        self.run_method("reset", self._position, text)
        if self._finished:
            self.run_method("finish")
