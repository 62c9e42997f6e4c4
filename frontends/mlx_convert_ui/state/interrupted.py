"""Conversions that were begun on the Convert page and cut off with the program: to go on with, or to let go."""

from __future__ import annotations

import threading

from mlx_convert_core import ConvertRequest, JobState, Workspace
from mlx_convert_core.plugin import BegunConversions, Leftover, clear_leftover
from mlx_convert_ui.state.job_views import JobView

KEPT = 3  # that are shown: of who lets them lie, the newest


class Interrupted:
    """``requests`` are those that were cut off, by the id of their job. Safe to use from any thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._begun = BegunConversions(workspace.home)
        self._lock = threading.Lock()
        self._closing = False
        self.requests: dict[str, ConvertRequest] = {}

    def look(self) -> None:
        """Find what was cut off. Reads a file: call it on a thread, or before anybody waits."""
        with self._lock:
            self.requests = dict([*self._begun.interrupted().items()][-KEPT:])

    def watch(self, view: JobView) -> None:
        """Keep in mind what ``view`` carries out until it has ended; when this program ends before, it was cut off."""
        self._begun.begin(view.job.id, view.request)
        threading.Thread(target=self._wait, args=(view,), name=f"begun-{view.job.id}", daemon=True).start()

    def let_go(self, job: str) -> ConvertRequest | None:
        """Forget ``job``; its request, None when somebody else was first."""
        with self._lock:
            request = self.requests.pop(job, None)
        self._begun.end(job)
        return request

    def discard(self, job: str) -> None:
        """Forget ``job``, and remove what it left behind. Deletes files: call it on a thread; raises OSError."""
        request = self.let_go(job)
        for left in self._workspace.leftovers() if request is not None else ():
            if _is_of(left, request):
                clear_leftover(left)

    def close(self) -> None:
        """The program ends: what runs now is cut off, and stays written down."""
        with self._lock:
            self._closing = True

    def _wait(self, view: JobView) -> None:
        for _ in view.job.events():
            pass
        with self._lock:
            cut_off = self._closing and view.job.state is JobState.CANCELLED
        if not cut_off:
            self._begun.end(view.job.id)


def _is_of(left: Leftover, request: ConvertRequest | None) -> bool:
    return request is not None and left.kind == "unfinished" and left.path in request.outputs
