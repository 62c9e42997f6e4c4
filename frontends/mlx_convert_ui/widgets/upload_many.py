"""The dialog that sends several models: where to, who may see them, and what stands in the way of which."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nicegui import background_tasks, run, ui

from mlx_convert_core import InvalidRequest, MlxConvertError, UploadRequest
from mlx_convert_core.plugin import UploadTarget, model_name
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.state.upload_form import TYPING_SECONDS, title_of
from mlx_convert_ui.widgets.components import Badge, Button, Tag, block, field, named, note
from mlx_convert_ui.widgets.dialogs import answer_of
from mlx_convert_ui.widgets.native_select import NativeSelect
from mlx_convert_ui.widgets.remedies import tell, tell_in_passing
from mlx_convert_ui.widgets.upload_dialog import summary_of
from mlx_convert_ui.words import _, plural

NAME = "{name}"  # stands for a model's name
SHOWN = 8  # models of which it is said what stands in the way
_HERE = frozenset({"folder"})  # targets on this machine: nothing is private or public there


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the target says of each model: a request, or what stands in the way of it."""

    ready: tuple[UploadRequest, ...] = ()
    refused: tuple[tuple[str, MlxConvertError], ...] = ()

    def reasons(self) -> list[tuple[list[str], MlxConvertError]]:
        """What stands in the way, each once, with the names of the models that it is said of."""
        found: dict[tuple[str, str], tuple[list[str], MlxConvertError]] = {}
        for name, error in self.refused:
            found.setdefault((error.code, error.message), ([], error))[0].append(name)
        return list(found.values())


async def upload_many(studio: Studio, paths: Sequence[Path]) -> None:
    """Ask where to send the models in ``paths``, and send those that can be. They go on by themselves."""
    targets = await run.io_bound(studio.workspace.upload_targets) or {}
    dialog = _UploadMany(studio, paths, targets)
    await answer_of(dialog.dialog)
    dialog.stop()


class _UploadMany:
    def __init__(self, studio: Studio, paths: Sequence[Path], targets: dict[str, UploadTarget]) -> None:
        self._studio = studio
        self._paths = paths
        self._targets = targets
        self._turn = 0
        self._checked = Checked()
        default = studio.preferences.upload_target
        self._target = default if default in targets else next(iter(targets), "")
        with (
            ui.dialog().props('aria-labelledby="upload-title" transition-duration=120') as self.dialog,
            block("dialog dialog-wide"),
        ):
            Tag("h2", plural("Upload {count:,} model", "Upload {count:,} models", len(paths)), "dialog-title").props(
                "id=upload-title"
            )
            if targets:
                self._fields()
            else:
                Tag("p", _("No plugin offers a place to send models to. See the Plugins page."), "dialog-text")
            with block("dialog-actions"):
                Button(_("Cancel"), self.dialog.close).mark("cancel")
                self._button = Button(_("Upload"), self._start, icon="upload", kind="primary").mark("start-uploads")
        self._button.enable(False)
        if targets:
            self._show_target()
            self._ask(0)

    def stop(self) -> None:
        """Ask nothing more."""
        self._turn += 1

    def _fields(self) -> None:
        with block("stack"):
            with block("field"):
                Tag("span", _("Where to"), "field-label").props("aria-hidden=true")
                titles = {key: title_of(target) for key, target in self._targets.items()}
                NativeSelect(titles, self._target, self._choose, label=_("Where to")).mark("upload-target")
                self._summary = Tag("p", "", "field-hint")
            tip = _("Empty takes the usual names. {mark} stands for each model's own name: my-team/{mark}.", mark=NAME)
            with field(_("Names"), tip) as name:
                self._name = ui.input(placeholder=_("as the models are called"), on_change=lambda: self._ask())
                named(self._name, name).props("spellcheck=false autocomplete=off").mark("upload-names")
            with block("row-line switches") as self._who:
                self._public = ui.switch(
                    _("Anyone can see them"),
                    value=self._studio.preferences.upload_public,
                    on_change=lambda: self._ask(0),
                ).mark("upload-public")
                Tag("span", _("Off: only you, until you change that on the site."), "muted")
            self._verdict = block("upload-verdict stack").props("role=status aria-live=polite").mark("upload-verdict")

    def _choose(self, target: str) -> None:
        self._target = target
        self._show_target()
        self._ask(0)

    def _show_target(self) -> None:
        self._summary.show(summary_of(self._targets[self._target]))
        self._who.set_visibility(self._target not in _HERE)

    def _ask(self, delay: float = TYPING_SECONDS) -> None:
        self._turn += 1
        self._button.enable(False)
        self._verdict.clear()
        with self._verdict, block("row-line"):
            Tag("span", "", "spin").props("aria-hidden=true")
            Tag("span", _("Checking …"), "muted")
        background_tasks.create(self._check(self._turn, delay), name="check-uploads")

    async def _check(self, turn: int, delay: float) -> None:
        await asyncio.sleep(delay)
        if turn != self._turn:
            return
        requests = self._requests()
        checked = await self._studio.questions.ask(lambda: self._answers(turn, requests))
        if turn == self._turn and checked is not None:
            self._draw(checked)

    def _requests(self) -> list[UploadRequest]:
        name, public = (self._name.value or "").strip(), bool(self._public.value)
        return [
            UploadRequest(path=path, target=self._target, name=name.replace(NAME, model_name(path)), public=public)
            for path in self._paths
        ]

    def _answers(self, turn: int, requests: Sequence[UploadRequest]) -> Checked:
        """What the target says of each; on a thread."""
        ready: list[UploadRequest] = []
        refused: list[tuple[str, MlxConvertError]] = []
        for request in requests:
            if turn != self._turn:
                return Checked()
            try:
                ready.append(self._studio.workspace.check_upload(request))
            except MlxConvertError as error:
                refused.append((model_name(request.path), error))
        several = {name for name, count in Counter(request.name for request in ready).items() if count > 1}
        refused += [(model_name(one.path), _same_name(one.name)) for one in ready if one.name in several]
        return Checked(ready=tuple(one for one in ready if one.name not in several), refused=tuple(refused))

    def _draw(self, checked: Checked) -> None:
        self._checked = checked
        self._button.enable(bool(checked.ready))
        number = f"{len(checked.ready):,}"
        self._button.show(_("Upload {name}", name=number) if checked.ready else _("Upload"))
        self._verdict.clear()
        with self._verdict:
            if checked.ready:
                with block("row-line wrap"):
                    Badge(_("{number} ready", number=number), "ok", icon="check")
                    Tag("span", ", ".join(request.name for request in checked.ready[:3]), "path")
                    if len(checked.ready) > 3:
                        Tag("span", _("and {number} more", number=f"{len(checked.ready) - 3:,}"), "muted")
            for names, error in checked.reasons()[:SHOWN]:
                Tag("p", ", ".join(names[:SHOWN]) + (" …" if names[SHOWN:] else ""), "list-strong")
                tell(error)
            if more := sum(len(names) for names, _error in checked.reasons()[SHOWN:]):
                text = plural(
                    "And {count:,} more can't be sent like this", "And {count:,} more can't be sent like this", more
                )
                note("warning", text)

    def _start(self) -> None:
        for request in self._checked.ready:
            try:
                self._studio.upload(request)
            except MlxConvertError as error:
                tell_in_passing(error)
        self.dialog.submit(None)


def _same_name(name: str) -> MlxConvertError:
    return InvalidRequest(
        _("several models would be called {name} there.", name=name),
        hint=_("Write {mark} where each model's own name goes.", mark=NAME),
        code="same_output",
    )
