"""Keeps what the pages show of the queue: read again, on a thread of its own, whenever the queue has changed."""

from __future__ import annotations

import threading

from mlx_convert_core import Workspace
from mlx_convert_core.plugin import QueueItem
from mlx_convert_ui.state.job_views import JobView, JobViews

LOOK_SECONDS = 0.25
PLACE = "queue"


class QueueNews:
    """``items`` are the queue's items as they were read last; ``version`` grows whenever they may be others."""

    def __init__(self, workspace: Workspace, views: JobViews) -> None:
        self.items: tuple[QueueItem, ...] = ()
        self.problem = ""
        self.version = 0
        self._workspace = workspace
        self._views = views
        self._followed: dict[str, JobView] = {}
        self._after: dict[str, JobView | None] = {}
        self._names: dict[str, str] = {}
        self._seen: int | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    @property
    def open(self) -> int:
        """How many items run or wait."""
        return sum(not item.state.final for item in self.items)

    def view(self, item: QueueItem) -> JobView | None:
        """The view of the item's job, None when it does not run, or runs in another program."""
        return self._followed.get(item.job)

    def after(self, item: QueueItem) -> JobView | None:
        """The view of what is being done with a result of the item, None when nothing is, or elsewhere."""
        return self._after.get(item.id)

    def name(self, item: QueueItem) -> str:
        """What the item's model is called, as its source says; else what was typed."""
        return self._names.get(item.request.ref, item.request.ref)

    def start(self) -> None:
        """Read now and then, and have the queue carry out what waits."""
        self.look()
        self._workspace.queue.start()
        threading.Thread(target=self._keep_looking, name="queue-watch", daemon=True).start()

    def stop(self) -> None:
        """Read no more."""
        self._stopping.set()

    def look(self) -> None:
        """Read the queue if it has changed. Reads a file: call it on a thread."""
        queue = self._workspace.queue
        with self._lock:
            seen = queue.version
            if seen == self._seen:
                return
            items = queue.items()
            refs = {item.request.ref for item in items}
            self._names = {ref: self._names.get(ref) or self._called(ref) for ref in refs}
            jobs = {item.job for item in items}
            self._followed = {id: view for id, view in self._followed.items() if id in jobs}
            for item in items:
                job = queue.job(item.id) if item.job and item.job not in self._followed else None
                if job is not None:
                    view = self._views.follow(job, model=self.name(item), request=item.request, place=PLACE)
                    self._followed[job.id] = view
            self._after = {item.id: self._follow_up(item) for item in items if item.to_follow}
            self.items, self.problem, self._seen = items, queue.problem, seen
            self.version += 1

    def _follow_up(self, item: QueueItem) -> JobView | None:
        job = self._workspace.queue.follow_up(item.id)
        path = next(iter(item.to_follow))[1]
        return self._views.follow(job, model=path.name, place=PLACE) if job is not None else None

    def _called(self, ref: str) -> str:
        return self._workspace.sources.read(ref).name or ref

    def _keep_looking(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self.look()
            except OSError:  # the file is being replaced, or the disk is away: again in a moment
                continue
