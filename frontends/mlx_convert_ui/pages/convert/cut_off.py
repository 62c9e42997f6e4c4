"""Conversions that were cut off with the program: each with a button that goes on, and one that lets it go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nicegui import run

from mlx_convert_core import ConvertRequest
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, block, card, note
from mlx_convert_ui.words import _


class CutOff:
    """Draws itself on creation; ``go_on`` is called with the request of one that is taken up again."""

    def __init__(self, studio: Studio, go_on: Callable[[ConvertRequest], None]) -> None:
        self._studio = studio
        self._go_on = go_on
        self._place = block("column jobs")
        self._draw()

    def _draw(self, problem: str = "") -> None:
        self._place.clear()
        with self._place:
            for job, request in self._studio.interrupted.requests.items():
                self._card(job, request)
            if problem:
                note("error", problem)

    def _card(self, job: str, request: ConvertRequest) -> None:
        names = ", ".join(Path(path).name for path in request.outputs) or request.ref
        with card(_("{name} was interrupted", name=names)) as element:
            element.mark("cut-off")
            text = _("The app quit while it was being made. It can go on from where it was, as far as that was kept.")
            Tag("p", text, "muted")
            with block("actions"):
                again = Button(_("Go on"), lambda: self._again(job), icon="play", kind="primary", classes="btn-small")
                again.mark("go-on")
                Button(_("Discard"), lambda: self._discard(job), icon="trash-2", classes="btn-small").mark("discard")

    def _again(self, job: str) -> None:
        request = self._studio.interrupted.let_go(job)
        self._draw()
        if request is not None:
            self._go_on(request)

    async def _discard(self, job: str) -> None:
        problem = ""
        try:
            await run.io_bound(self._studio.interrupted.discard, job)
        except OSError as error:
            problem = _("What it left can't be removed: {reason}.", reason=error.strerror or error)
        self._draw(problem)
