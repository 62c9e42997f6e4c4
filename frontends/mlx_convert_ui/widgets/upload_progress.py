"""An upload on its way, wherever it is shown: in the dialog and above the library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nicegui import ui

from mlx_convert_core import JobState, UploadRequest, UploadResult
from mlx_convert_core.plugin import model_name, units
from mlx_convert_ui import wording
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.widgets.components import Button, Tag, block, note, set_progress
from mlx_convert_ui.widgets.desktop import SHOW_LABEL, reveal
from mlx_convert_ui.widgets.live import LiveJobs
from mlx_convert_ui.widgets.small_card import SmallCard, states
from mlx_convert_ui.words import N_, _, joined, plural

REFRESH_SECONDS = 0.2
Retry = Callable[[UploadRequest], object]


class UploadProgress(SmallCard):
    """An upload; ``retry`` starts it again. In a dialog, which has a name of its own, it is no part with a name."""

    KIND = "upload"
    STATES = states(running=N_("Uploading"), finished=N_("Uploaded"))
    KEPT = N_("What was already sent isn't sent again.")

    def __init__(self, view: JobView, retry: Retry, *, part: bool = True) -> None:
        self._retry = retry
        place = block("upload", "section", label=view.job.title) if part else block("upload")
        super().__init__(view, place.mark("upload-job"))

    def _title(self) -> str:
        request = self.view.request
        return f"{model_name(request.path)} → {request.target}:{request.name}".removesuffix(":")

    def _done(self) -> None:
        _arrived(self.view.job.result())
        for text in self.view.warnings:
            note("warning", text)

    def _move(self) -> None:
        moved = self.view.progress.get("upload")
        if moved is None or not moved.total:
            read = self.view.progress.get("check")
            checking = _("Preparing …")
            if read is not None and read.total:
                checking = _("Checking … {percent}", percent=f"{read.done / read.total:.0%}")
            self._numbers.show(checking if self.view.state is JobState.RUNNING else _("Waiting its turn"))
            return
        set_progress(self._bar, moved.done / moved.total)
        parts = (f"{moved.done / moved.total:.0%}", wording.amount(moved), wording.left(moved))
        self._numbers.show(joined(*parts))

    def _offer(self) -> None:
        again = Button(
            _("Try again"),
            lambda: self._begin(lambda: self._retry(self.view.request)),
            icon="rotate-ccw",
            classes="btn-small",
        )
        again.mark("retry-upload")


def _arrived(result: UploadResult) -> None:
    size = units.size(result.sent_bytes)
    sent = _("{size} sent", size=size) if result.sent_bytes else _("everything was already there")
    files = plural("{count:,} file", "{count:,} files", result.files)
    Tag("p", f"{files} · {sent} · {units.duration(result.seconds)}", "muted")
    location = result.location
    if location.startswith(("https://", "http://")):  # never a scheme that runs something
        link = Tag("a", location, "path", icon="external-link").attribute("href", location)
        link.props('target=_blank rel="noopener noreferrer"').mark("upload-link")
        return
    Tag("p", location, "path")
    with block("actions"):
        Button(_(SHOW_LABEL), lambda: reveal(Path(location)), icon="folder-open", classes="btn-small")


def upload_list(views: Callable[[], tuple[JobView, ...]], retry: Retry) -> None:
    """Draw every upload that nobody dismissed, newest first; it keeps up by itself."""

    def draw(view: JobView) -> UploadProgress:
        drawn = UploadProgress(view, retry)
        drawn.element.classes("card")
        return drawn

    with block("uploads-all"):
        jobs = LiveJobs(block("column jobs uploads"), views, draw)
        every = Button(_("Dismiss all"), lambda: _dismiss_all(views()), kind="ghost", classes="btn-small")
        every.mark("dismiss-uploads")

    def refresh() -> None:
        jobs.refresh()
        every.set_visibility(sum(not view.active for view in views()) > 1)

    refresh()
    ui.timer(REFRESH_SECONDS, refresh)


def _dismiss_all(views: tuple[JobView, ...]) -> None:
    """Those that have ended; what is on its way stays."""
    for view in views:
        if not view.active:
            view.dismiss()
