"""A job that says itself in a few lines: its title and state, how far it is, and what came of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from mlx_convert_core import JobState, MlxConvertError
from mlx_convert_ui.widgets.components import Badge, Button, Tag, block, progress_bar
from mlx_convert_ui.widgets.live import LiveJob
from mlx_convert_ui.widgets.remedies import tell, tell_in_passing
from mlx_convert_ui.words import N_, _

_TONES = {
    JobState.QUEUED: "",
    JobState.RUNNING: "busy",
    JobState.FINISHED: "ok",
    JobState.FAILED: "bad",
    JobState.CANCELLED: "",
}


def states(*, running: str, finished: str) -> dict[JobState, str]:
    """What a badge says of each state; the messages of the two that are named after the work are given."""
    return {
        JobState.QUEUED: N_("Waiting"),
        JobState.RUNNING: running,
        JobState.FINISHED: finished,
        JobState.FAILED: N_("Failed"),
        JobState.CANCELLED: N_("Cancelled"),
    }


class SmallCard(LiveJob):
    """What its parts are marked with, the words of its states, and what is kept of one that was cancelled."""

    KIND: ClassVar[str]
    STATES: ClassVar[dict[JobState, str]]
    KEPT: ClassVar[str]

    def _build(self) -> None:
        view = self.view
        with block("job-head"):
            Tag("h2", self._title(), "job-title grow")
            Badge(_(self.STATES[view.state]), _TONES[view.state]).mark(f"{self.KIND}-state")
            if view.active:
                self._stop = Button(_("Cancel"), self._cancel, classes="btn-small").mark(f"cancel-{self.KIND}")
            else:
                self._leading_on()
                close = Button("", self._dismiss, icon="x", kind="ghost", classes="btn-small", label=_("Dismiss"))
                close.mark(f"dismiss-{self.KIND}")
        if view.state is JobState.FINISHED:
            self._done()
        elif view.state is JobState.FAILED and view.error is not None:
            tell(view.error, self._offer)
        elif view.state is JobState.CANCELLED:
            Tag("p", _(self.KEPT), "muted")
            with block("actions"):
                self._offer()
        else:
            self._bar = progress_bar(view.job.title, "bar bar-job")
            self._numbers = Tag("p", "", "job-line")

    def _title(self) -> str:
        return self.view.job.title

    def _leading_on(self) -> None:
        """Links beside the title of one that has ended."""

    @abstractmethod
    def _done(self) -> None:
        """Draw what came of it."""

    @abstractmethod
    def _offer(self) -> None:
        """Buttons that begin it again."""

    def _begin(self, again: Callable[[], Any]) -> None:
        """Begin it once more. The new one says how it goes; while it can't be begun, this one stays."""
        try:
            again()
        except MlxConvertError as error:
            tell_in_passing(error)
        else:
            self._dismiss()
