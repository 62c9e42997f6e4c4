"""Jobs as cards that keep up with their views, and the list that such cards stand in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from nicegui import ui

from mlx_convert_core import JobState
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.widgets.components import Button
from mlx_convert_ui.words import _


class LiveJob(ABC):
    """Draws a view as it is now; `refresh` draws what changed since, and forgets nothing on a reload."""

    def __init__(self, view: JobView, element: ui.element) -> None:
        self.view = view
        self.element = element
        self._version = -1
        self._state: JobState | None = None
        self._stop: Button | None = None
        self.refresh()

    def refresh(self) -> bool:
        """Draw the changes, cheap when there are none; True when the job ended since the last time."""
        if self._version == self.view.version:
            return False
        was_active = self._state is not None and not self._state.final
        self._version = self.view.version
        if self._state is not (state := self.view.state):
            self._state = state
            self.element.clear()
            with self.element:
                self._build()
        if not self._state.final:
            self._move()
        return was_active and self._state.final

    @abstractmethod
    def _build(self) -> None:
        """Draw the state that the job is in now."""

    @abstractmethod
    def _move(self) -> None:
        """Show how far a job is that waits or runs."""

    def _cancel(self) -> None:
        if self._stop is not None:
            self._stop.enable(False)
            self._stop.show(_("Cancelling …"))
        self.view.job.cancel()

    def _dismiss(self) -> None:
        self.view.dismiss()


class LiveJobs:
    """A card for each of the ``views``, newest first, in ``place``; ``draw`` makes one."""

    def __init__(
        self, place: ui.element, views: Callable[[], tuple[JobView, ...]], draw: Callable[[JobView], LiveJob]
    ) -> None:
        self._place = place
        self._views = views
        self._draw = draw
        self._drawn: dict[str, LiveJob] = {}

    def refresh(self) -> bool:
        """Draw what came, went and changed; True when a job ended since the last time."""
        views = self._views()
        wanted = {view.job.id for view in views}
        for gone in [key for key in self._drawn if key not in wanted]:
            self._drawn.pop(gone).element.delete()
        for view in reversed(views):
            if view.job.id not in self._drawn:
                with self._place:
                    self._drawn[view.job.id] = self._draw(view)
                self._drawn[view.job.id].element.move(self._place, target_index=0)
        ended = [drawn.refresh() for drawn in self._drawn.values()]  # each of them, not up to the first
        return any(ended)
