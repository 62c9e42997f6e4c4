"""One conversion on the page: running, finished, failed or cancelled. All of it comes from its JobView."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from nicegui import run, ui

from mlx_convert_core import ConvertedModel, ConvertRequest, JobState, MlxConvertError
from mlx_convert_core.plugin import Remedy, units
from mlx_convert_ui import wording
from mlx_convert_ui.state.agreeing import agreed
from mlx_convert_ui.state.convert_form import command_line
from mlx_convert_ui.state.job_views import STEPS, JobView
from mlx_convert_ui.state.library_rows import page_of
from mlx_convert_ui.widgets.bug_report import bug_report
from mlx_convert_ui.widgets.components import (
    Badge,
    Button,
    Tag,
    block,
    note,
    progress_bar,
    sentence,
    set_progress,
    tooltip,
)
from mlx_convert_ui.widgets.copying import CopyButton
from mlx_convert_ui.widgets.desktop import SHOW_LABEL, reveal
from mlx_convert_ui.widgets.live import LiveJob
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.widgets.verified import verified_badge
from mlx_convert_ui.words import N_, _, given, joined, plural

# Every step by its name in code and CLI.
_TITLES = {
    "resolve": N_("Resolve"),
    "inspect": N_("Inspect"),
    "plan": N_("Plan"),
    "fetch": N_("Fetch"),
    "calibrate": N_("Calibrate"),
    "quantize": N_("Quantize"),
    "write": N_("Write"),
    "check": N_("Check"),
    "verify": N_("Verify"),
    "publish": N_("Publish"),
    "store": N_("Store"),
}
SELDOM = ("calibrate", "verify")  # steps that not every conversion has: shown once they begin


class JobCard(LiveJob):
    """A conversion; ``retry`` starts it again, ``upload`` sends what came out, ``recipe`` reads how it was made."""

    def __init__(
        self,
        view: JobView,
        retry: Callable[[ConvertRequest], None],
        upload: Callable[[Path], object],
        recipe: Callable[[Path], str],
    ) -> None:
        self._retry = retry
        self._upload = upload
        self._recipe = recipe
        super().__init__(view, block("card", "section", label=_title(view)).mark("job"))

    def _build(self) -> None:
        view = self.view
        if view.state is JobState.FINISHED:
            self._finished()
        elif view.state is JobState.FAILED:
            self._failed()
        elif view.state is JobState.CANCELLED:
            self._cancelled()
        else:
            self._running()

    def _running(self) -> None:
        with block("job-head"):
            Tag("h2", _title(self.view), "job-title grow")
            waiting = self.view.state is JobState.QUEUED
            Badge(_("Waiting") if waiting else _("Running"), "" if waiting else "busy").mark("state")
            self._stop = Button(_("Cancel"), self._cancel, icon="x").mark("cancel-job")
        self._bar = progress_bar(_("Progress of {name}", name=_title(self.view)), "bar bar-job")
        with block("job-line"):
            with block("steps", "ol", label=_("Steps")):
                self._dots = {name: Tag("li", step_title(name), "step") for name in STEPS}
            self._numbers = Tag("span", "", "muted")
        self._log = Tag("div", "", "log", label=_("Log")).props("tabindex=0 role=log")

    def _move(self) -> None:
        view = self.view
        set_progress(self._bar, view.fraction)
        for name, dot in self._dots.items():
            dot.attribute("data-state", view.steps[name].state)
            dot.set_visibility(name not in SELDOM or view.steps[name].state != "waiting")
        self._numbers.show(progress_in_words(view))
        self._log.show("\n".join(view.log))

    def _finished(self) -> None:
        """What came of it: a part for each result, with its own buttons."""
        result = self.view.job.result()
        took = units.duration(self.view.ended - self.view.started)
        with block("job-head"):
            Tag("span", "", "success-mark", icon="check").props("aria-hidden=true")
            one = len(result.models) == 1
            name = result.models[0].path.name
            several = plural("{count} model is ready", "{count} models are ready", len(result.models))
            Tag("h2", _("{name} is ready", name=name) if one else several, "job-title grow")
            if one:
                _verified(result.models[0])
            Tag("span", took, "muted")
            Button("", self._dismiss, icon="x", kind="ghost", label=_("Dismiss")).mark("dismiss")
        for model in result.models:
            with block("made", label="" if one else model.path.name).props("role=group").mark("made"):
                if not one:
                    with block("list-title"):
                        Tag("h3", model.path.name, "made-name")
                        _verified(model)
                self._made(model, primary=model is result.models[0], of="" if one else model.path.name)
        if result.skipped:
            with block("notes"):
                for output in result.skipped:
                    note("warning", _("{name} was not made: {reason}.", name=output.path.name, reason=output.reason))
        with block("actions"):
            command = command_line(self.view.request)
            CopyButton(command, "command", label=_("Copy command"), icon="terminal").mark("copy-command")

    def _made(self, model: ConvertedModel, *, primary: bool, of: str) -> None:
        """One result; ``of`` tells its buttons apart from those of the others, for who hears them."""
        size, bits = units.size(model.total_bytes), wording.bits_per_weight(model.bits_per_weight)
        Tag("p", f"{size} · {bits}", "muted")
        if model.verification is not None:
            Tag("p", sentence(model.verification.words), "muted").mark("verification")
        Tag("p", str(model.path), "path")
        named = f"?model={quote(str(model.path))}"
        with block("actions"):
            chat = Button(
                _("Chat"),
                lambda: ui.navigate.to(f"/chat{named}"),
                icon="message-square",
                kind="primary" if primary else "plain",
                label=_("Chat with {name}", name=of) if of else "",
                classes="btn-small",
            )
            chat.mark("chat")
            _small(_("Test it"), lambda: ui.navigate.to(f"/test{named}"), "flask-conical", "test", of)
            _small(_("Details"), lambda: ui.navigate.to(page_of(model.path)), "info", "details", of)
            _small(_(SHOW_LABEL), lambda: reveal(model.path), "folder-open", "show-folder", of)
            _small(_("Upload …"), lambda: self._upload(model.path), "upload", "upload", of)
            _recipe_button(self._recipe, model.path)
        warnings = [finding for finding in model.findings if finding.level == "warning"]
        if warnings:
            with block("notes"):
                for finding in warnings:
                    note(finding.level, finding.message, finding.hint)

    def _failed(self) -> None:
        error = self.view.error
        with block("job-head"):
            Tag("h2", _title(self.view), "job-title grow")
            Badge(_("Failed"), "bad").mark("state")
            Button("", self._dismiss, icon="x", kind="ghost", label=_("Dismiss")).mark("dismiss")
        with block("notes"):
            if error is not None:
                offers = [*filter(None, map(self._offer, error.remedies))]
                tell(error, None if offers else self._again, offer=self._offer)
        if error is not None and error.traceback:
            bug_report("\n".join([*self.view.log, error.traceback]))

    def _cancelled(self) -> None:
        with block("job-head"):
            Tag("h2", _title(self.view), "job-title grow")
            Badge(_("Cancelled")).mark("state")
            Button("", self._dismiss, icon="x", kind="ghost", label=_("Dismiss")).mark("dismiss")
        Tag("p", _("Nothing unfinished was kept."), "muted")
        with block("actions"):
            self._again()

    def _offer(self, remedy: Remedy) -> tuple[str, Callable[[], object]] | None:
        change = agreed(remedy, self.view.request)
        return (change[0], lambda: self._retry(change[1])) if change is not None else None

    def _again(self) -> None:
        request = replace(self.view.request, resume=True)  # what a dead worker left is taken up, if anything is
        Button(_("Try again"), lambda: self._retry(request), icon="rotate-ccw").mark("retry")


def _verified(model: ConvertedModel) -> None:
    if model.verification is not None and model.verification.passed:
        verified_badge()


def _small(text: str, act: Callable[[], object], icon: str, mark: str, of: str) -> None:
    Button(text, act, icon=icon, classes="btn-small", label=f"{text} {of}" if of else "").mark(mark)


def _recipe_button(recipe: Callable[[Path], str], path: Path) -> None:
    """A button for the recipe of the model at ``path``, which is read once the page is there."""
    button = CopyButton("", "recipe", label=_("Copy recipe"), icon="file-json").mark("copy-recipe")
    button.enable(False)

    async def read() -> None:
        try:
            button.give(await run.io_bound(recipe, path) or "")
            button.enable()
        except MlxConvertError as error:
            tooltip(button, sentence(given(error.message)))

    ui.timer(0, read, once=True)


def _title(view: JobView) -> str:
    others = len(view.request.outputs) - 1
    return _("{name} and {number} more", name=view.model, number=others) if others > 0 else view.model


def step_title(name: str) -> str:
    """The title of the step ``name``; one that a plugin adds is called by its name."""
    return _(_TITLES[name]) if name in _TITLES else name.capitalize()


def progress_in_words(view: JobView) -> str:
    """``68% · 1.2 of 4.3 GB · 14 s left``, as far as it is known."""
    current = view.current
    if view.state is JobState.QUEUED:
        return _("Waiting for the one before it")
    moved = view.progress.get(current.name) if current else None
    parts = [f"{view.fraction:.0%}"]
    if moved is not None:
        parts += [wording.amount(moved), wording.left(moved)]
    return joined(*parts)
