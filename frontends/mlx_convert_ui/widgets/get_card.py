"""A model that is being got: on its way, here, failed or cancelled. All of it comes from its JobView."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from nicegui import ui

from mlx_convert_core import JobState
from mlx_convert_core.plugin import units
from mlx_convert_ui import wording
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.state.library_rows import page_of
from mlx_convert_ui.widgets.components import Badge, Button, Tag, block, progress_bar, set_progress
from mlx_convert_ui.widgets.desktop import SHOW_LABEL, reveal
from mlx_convert_ui.widgets.live import LiveJob
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.words import _, joined


class GetCard(LiveJob):
    """A model on its way into the library; ``retry`` takes its ref."""

    def __init__(self, view: JobView, retry: Callable[[str], object]) -> None:
        self._retry = retry
        super().__init__(view, block("card", "section", label=_("Get {name}", name=view.model)).mark("get-job"))

    def _build(self) -> None:
        if self.view.state is JobState.FINISHED:
            self._here()
        elif self.view.state.final:
            self._ended()
        else:
            self._running()

    def _running(self) -> None:
        with block("job-head"):
            Tag("h2", self.view.model, "job-title grow")
            Badge(_("Downloading"), "busy").mark("state")
            self._stop = Button(_("Cancel"), self._cancel, icon="x").mark("cancel-job")
        self._bar = progress_bar(_("Progress of {name}", name=self.view.model), "bar bar-job")
        with block("job-line"):
            self._numbers = Tag("span", "", "muted")

    def _move(self) -> None:
        moved = self.view.progress.get("fetch")
        done = moved.done / moved.total if moved is not None and moved.total else 0.0
        set_progress(self._bar, done)
        if moved is None:
            self._numbers.show(_("Checking"))
            return
        parts = (f"{done:.0%}", wording.amount(moved), wording.left(moved))
        self._numbers.show(joined(*parts))

    def _here(self) -> None:
        entry = self.view.job.result()
        with block("row-line").style("gap: 12px; align-items: flex-start"):
            Tag("span", "", "success-mark", icon="check").props("aria-hidden=true")
            with block("success-text"):
                Tag("h2", _("{name} is in the library", name=entry.name), "job-title")
                Tag("p", f"{units.size(entry.size)} · {entry.quantization}", "muted")
                Tag("p", str(entry.path), "path")
            Button("", self._dismiss, icon="x", kind="ghost", label=_("Dismiss")).mark("dismiss")
        address = f"/chat?model={quote(str(entry.path))}"
        with block("actions"):
            chat = Button(_("Chat"), lambda: ui.navigate.to(address), icon="message-square", kind="primary")
            chat.classes("btn-small").mark("chat")
            details = Button(_("Details"), lambda: ui.navigate.to(page_of(entry.path)), icon="info")
            details.classes("btn-small").mark("details")
            show = Button(_(SHOW_LABEL), lambda: reveal(entry.path), icon="folder-open")
            show.classes("btn-small").mark("show-folder")

    def _ended(self) -> None:
        failed = self.view.state is JobState.FAILED
        with block("job-head"):
            Tag("h2", self.view.model, "job-title grow")
            Badge(_("Failed") if failed else _("Cancelled"), "bad" if failed else "").mark("state")
            Button("", self._dismiss, icon="x", kind="ghost", label=_("Dismiss")).mark("dismiss")
        with block("notes"):
            if self.view.error is not None:
                tell(self.view.error, self._again)
            else:
                Tag("p", _("What was downloaded is kept; trying again continues from there."), "muted")
                self._again()

    def _again(self) -> None:
        Button(_("Try again"), self._try_again, icon="rotate-ccw").mark("retry")

    def _try_again(self) -> None:
        self.view.dismiss()
        self._retry(self.view.request)
