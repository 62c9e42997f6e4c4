"""An upload on its way, wherever it is shown: in the dialog and above the library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nicegui import ui

from mlx_convert_core import JobState, MlxConvertError, UploadRequest, UploadResult
from mlx_convert_core.plugin import model_name, units
from mlx_convert_ui import wording
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.widgets.components import Badge, Button, Tag, block, note, progress_bar, sentence, set_progress
from mlx_convert_ui.widgets.desktop import SHOW_LABEL, reveal
from mlx_convert_ui.widgets.live import LiveJob, LiveJobs
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.words import N_, _, given, plural

REFRESH_SECONDS = 0.2
Retry = Callable[[UploadRequest], object]


class UploadProgress(LiveJob):
    """An upload; ``retry`` starts it again. In a dialog, which has a name of its own, it is no part with a name."""

    def __init__(self, view: JobView, retry: Retry, *, part: bool = True) -> None:
        self._retry = retry
        place = block("upload", "section", label=view.job.title) if part else block("upload")
        super().__init__(view, place.mark("upload-job"))

    def _build(self) -> None:
        view = self.view
        with block("job-head"):
            Tag("h2", _title(view.request), "job-title grow")
            tone, word = _STATES[view.state]
            Badge(_(word), tone).mark("upload-state")
            if view.active:
                self._stop = Button(_("Cancel"), self._cancel, classes="btn-small").mark("cancel-upload")
            else:
                Button("", self._dismiss, icon="x", kind="ghost", classes="btn-small", label=_("Dismiss")).mark(
                    "dismiss-upload"
                )
        if view.state is JobState.FINISHED:
            _arrived(view.job.result())
            for text in view.warnings:
                note("warning", text)
        elif view.state is JobState.FAILED and view.error is not None:
            tell(view.error, self._again)
        elif view.state is JobState.CANCELLED:
            Tag("p", _("What was already sent isn't sent again."), "muted")
            with block("actions"):
                self._again()
        else:
            self._bar = progress_bar(view.job.title, "bar bar-job")
            self._numbers = Tag("p", "", "job-line")

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
        self._numbers.show(" · ".join(filter(None, parts)))

    def _again(self) -> None:
        Button(_("Try again"), self._send_again, icon="rotate-ccw", classes="btn-small").mark("retry-upload")

    def _send_again(self) -> None:
        try:
            self._retry(self.view.request)
        except MlxConvertError as error:
            ui.notify(f"{sentence(error.message)} {given(error.hint)}")
        else:
            self._dismiss()  # the new one says how it goes


_STATES = {
    JobState.QUEUED: ("", N_("Waiting")),
    JobState.RUNNING: ("busy", N_("Uploading")),
    JobState.FINISHED: ("ok", N_("Uploaded")),
    JobState.FAILED: ("bad", N_("Failed")),
    JobState.CANCELLED: ("", N_("Cancelled")),
}


def _title(request: UploadRequest) -> str:
    return f"{model_name(request.path)} → {request.target}:{request.name}".removesuffix(":")


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
