"""The dialog that sends a model somewhere: where, under which name, who may see it, and what will stand on its card."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nicegui import run, ui

from mlx_convert_core import MlxConvertError, UploadRequest
from mlx_convert_core.plugin import LeaveOut, Remedy, Replace, SetOption, UploadTarget, model_name
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.state.upload_form import HERE, Checker, UploadForm, title_of
from mlx_convert_ui.widgets.components import CHEVRON, Badge, Button, Tag, block, field, named, sentence
from mlx_convert_ui.widgets.dialogs import answer_of
from mlx_convert_ui.widgets.picker import pick_folder
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.widgets.upload_progress import REFRESH_SECONDS, UploadProgress
from mlx_convert_ui.words import N_, _

_SUMMARIES = {
    "hub": N_("A repo of yours on Hugging Face, or of an organization that you belong to."),
    "folder": N_("Choose a folder on this machine, or type one."),
}
LM_STUDIO = "lmstudio"  # as a name: LM Studio's own folder of models


def summary_of(target: UploadTarget) -> str:
    """What the target is, to a person who chooses it."""
    known = _SUMMARIES.get(target.name)
    return _(known) if known is not None else sentence(target.summary)


async def upload_dialog(studio: Studio, path: Path) -> None:
    """Ask where to send the model in ``path``, send it and show how that goes; closing it stops nothing."""
    targets = await run.io_bound(studio.workspace.upload_targets) or {}
    running = [view for view in studio.views.of("upload") if view.active and view.request.path == path]
    dialog = _Upload(studio, path, targets)
    if running:
        dialog.follow(running[0])
    await answer_of(dialog.dialog)
    dialog.stop()


class _Upload:
    def __init__(self, studio: Studio, path: Path, targets: dict[str, UploadTarget]) -> None:
        self._studio = studio
        self._targets = targets
        default = studio.preferences.upload_target
        first = default if default in targets else next(iter(targets), "")
        self._form = UploadForm(path=path, target=first, public=studio.preferences.upload_public)
        self._checker = Checker(studio, self._form, self._draw)
        self._progress: UploadProgress | None = None
        with ui.dialog().props('aria-labelledby="upload-title" transition-duration=120') as self.dialog:
            self._body = block("dialog dialog-wide")
        with self._body:
            self._build()

    def stop(self) -> None:
        """Ask nothing more; what is on its way goes on."""
        self._checker.stop()

    def _build(self) -> None:
        Tag("h2", _("Upload {name}", name=model_name(self._form.path)), "dialog-title").props("id=upload-title")
        if not self._targets:
            Tag("p", _("No plugin offers a place to send models to. See the Plugins page."), "dialog-text")
            with block("dialog-actions"):
                Button(_("Close"), self.dialog.close).mark("cancel")
            return
        with block("stack"):
            self._fields()
            self._verdict = block("upload-verdict").props("role=status aria-live=polite").mark("upload-verdict")
            self._card = block("")
        with block("dialog-actions"):
            Button(_("Cancel"), self.dialog.close).mark("cancel")
            self._button = Button(_("Upload"), self._start, icon="upload", kind="primary").mark("start-upload")
        self._checker.ask(delay=0)

    def _fields(self) -> None:
        with field(_("Where to"), _("Hugging Face, a folder of another program, or what a plugin offers.")) as name:
            options = {key: title_of(target) for key, target in self._targets.items()}
            select = ui.select(options, value=self._form.target, on_change=self._choose_target).mark("upload-target")
            named(select, name).props(f"dropdown-icon='{CHEVRON}' options-dense")
            self._summary = Tag("p", "", "field-hint")
        tip = _("What it is called there. Empty takes the name that is shown in grey.")
        with field(_("Name"), tip) as name, block("row-line"):
            self._name = ui.input(on_change=self._typed).mark("upload-name").classes("grow")
            named(self._name, name).props("spellcheck=false autocomplete=off")
            self._browse = Button("", self._pick, icon="folder-open", label=_("Choose a folder")).mark("browse-upload")
        self._studio_folder = Button(_("LM Studio's folder"), self._take_lm_studio, classes="btn-small")
        self._studio_folder.mark("lm-studio")
        with block("row-line switches") as self._who:
            self._public = ui.switch(
                _("Anyone can see it"),
                value=self._form.public,
                on_change=lambda event: self._set("public", bool(event.value)),
            ).mark("upload-public")
            Tag("span", _("Off: only you, until you change that on the site."), "muted")
        self._show_target()

    def _choose_target(self, event: object) -> None:
        self._form.target = str(event.value)  # type: ignore[attr-defined]
        self._form.replace = False
        self._show_target()
        self._checker.ask(delay=0)

    def _show_target(self) -> None:
        here = self._form.target in HERE
        self._browse.set_visibility(here)
        self._studio_folder.set_visibility(here)
        self._who.set_visibility(not here)
        self._summary.show(summary_of(self._targets[self._form.target]))

    async def _pick(self) -> None:
        chosen = await pick_folder(self._studio, _("Choose a folder"), self._form.name)
        if chosen:
            self._name.value = chosen

    def _take_lm_studio(self) -> None:
        self._name.value = LM_STUDIO

    def _typed(self) -> None:
        self._form.replace = False
        self._form.name = self._name.value or ""
        self._checker.ask()

    def _set(self, name: str, value: bool) -> None:
        setattr(self._form, name, value)
        self._checker.ask(delay=0)

    def _draw(self) -> None:
        answer = self._checker.answer
        self._button.enable(answer.request is not None)
        self._verdict.clear()
        with self._verdict:
            if answer.busy:
                with block("row-line"):
                    Tag("span", "", "spin").props("aria-hidden=true")
                    Tag("span", _("Checking …"), "muted")
            elif answer.error is not None:
                self._refusal(answer.error)
            elif answer.request is not None:
                self._ready(answer.request)
        self._card.clear()
        if answer.card:
            with self._card, block("advanced upload-card", "details"):
                with block("", "summary").props("data-icon=file-text").mark("card-preview"):
                    Tag("span", _("The card that goes with it"))
                    Tag("span", "", "advanced-arrow", icon="chevron-down").props("aria-hidden=true")
                card = Tag("div", answer.card, "log log-tall", label=_("Card")).props("tabindex=0 role=group")
                card.mark("card")

    def _ready(self, request: UploadRequest) -> None:
        if self._name.props.get("placeholder") != request.name:
            self._name.props["placeholder"] = request.name
        with block("row-line"):
            Badge(_("Ready"), "ok", icon="check")
            Tag("span", request.name, "path").mark("upload-place")
            if request.target not in HERE:
                Badge(_("Public") if request.public else _("Private"), icon="globe" if request.public else "lock")

    def _refusal(self, error: MlxConvertError) -> None:
        def actions() -> None:
            Button(_("Check again"), lambda: self._checker.ask(delay=0), icon="rotate-ccw", classes="btn-small")

        tell(error, actions if self._progress is None else None, offer=self._offer)

    def _offer(self, remedy: Remedy) -> tuple[str, Callable[[], object]] | None:
        if self._progress is not None:
            return None
        match remedy:
            case Replace():
                return _("Replace it"), lambda: self._set("replace", True)
            case SetOption(option="public", value=True):
                return _("Anyone can see it"), lambda: self._set("public", True)
            case LeaveOut(option="public"):
                return _("Send it to the private repo"), lambda: self._set("public", False)
        return None

    def _start(self) -> None:
        request = self._checker.answer.request
        if request is not None:
            self._run(request)

    def _run(self, request: UploadRequest) -> None:
        try:
            view = self._studio.upload(request)
        except MlxConvertError as error:
            self._verdict.clear()
            with self._verdict:
                self._refusal(error)
        else:
            self.follow(view)

    def follow(self, view: JobView) -> None:
        """Show an upload on its way instead of the form."""
        self._checker.stop()
        self._body.clear()
        with self._body:
            Tag("h2", _("Upload {name}", name=model_name(self._form.path)), "dialog-title").props("id=upload-title")
            self._progress = UploadProgress(view, self._run, part=False)
            ui.timer(REFRESH_SECONDS, self._progress.refresh)
            self._verdict = block("notes")
            with block("dialog-actions"):
                Tag("span", _("It continues when you close this."), "muted grow")
                Button(_("Close"), self.dialog.close).mark("close-upload")
