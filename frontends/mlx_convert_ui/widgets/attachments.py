"""Pictures and sound of a message: a button, dropping and pasting, and thumbnails of what was added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nicegui import run
from nicegui.element import Element

from mlx_convert_core import InvalidRequest, MlxConvertError
from mlx_convert_core.plugin import ENDINGS, LARGEST, Attachment, ModelSenses, Sense, check_size, units
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, address_of, block, note
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.words import N_, _, given

MOST = 10  # files with a message: more than any model of today tells apart
_LOOKING = N_("Still looking at the model. Try again in a moment.")
# What a model takes, by its senses.
_TAKEN: dict[frozenset[Sense], str] = {
    frozenset(): N_("pictures"),
    frozenset({"picture"}): N_("pictures"),
    frozenset({"sound"}): N_("recordings"),
    frozenset({"picture", "sound"}): N_("pictures or recordings"),
}


class AttachButton(Element, component="attach_button.js"):
    """What files come in by; events: added (a key), refused (a sentence), too_large, unable, begun, ended."""

    def __init__(self) -> None:
        super().__init__()
        self._props.update(
            {"label": _("Add a file"), "accept": "", "largest": LARGEST, "address": address_of("/attached")}
        )

    def allow(self, senses: frozenset[Sense], reason: str) -> None:
        """Take files for ``senses``; for none, ``reason`` says why."""
        words = _(_TAKEN[senses])
        kinds = (ending for sense in sorted(senses) for ending in ENDINGS[sense])
        tip = _("Add {files}, of {size} at most. Drop or paste them, too.", files=words, size=units.size(LARGEST))
        label, reason = _("Add {files}", files=words), "" if senses else reason
        self._props.update(label=label, accept=",".join(kinds), tip=tip, reason=reason)
        self.update()

    def focus(self) -> None:
        """Have the next key go to it."""
        self.run_method("focus")


class Attachments:
    """The button (`draw_button`), the thumbnails (`draw_files`), and what is said about them (`draw_notes`).

    ``files`` is what was added; ``changed`` is called with it after each change.
    """

    def __init__(
        self, studio: Studio, files: Sequence[Attachment], changed: Callable[[tuple[Attachment, ...]], Any]
    ) -> None:
        self._studio = studio
        self._store = studio.attached
        self._changed = changed
        self._model: ModelSenses | None = None
        self._coming = 0
        self._why = _(_LOOKING)  # while nothing is known of the model
        self.files = tuple(file for file in files if self._store.key(file))

    @property
    def busy(self) -> bool:
        """Whether a file is on its way."""
        return self._coming > 0

    def draw_button(self) -> None:
        """Put the button here."""
        self._button = AttachButton().mark("attach")
        self._button.allow(frozenset(), _(_LOOKING))
        self._button.on("added", lambda event: self._add(str(event.args)))
        self._button.on("refused", lambda event: self._say(str(event.args)))
        self._button.on("too_large", lambda event: self._too_large(*event.args))
        self._button.on("unable", self._unable, [])
        self._button.on("begun", lambda: self._count(1), [])
        self._button.on("ended", lambda: self._count(-1), [])

    def draw_files(self) -> None:
        """Put the thumbnails here."""
        self._list = block("thumbs", "ul", label=_("Added to the message"))
        self._draw()

    def draw_notes(self) -> None:
        """Put what is said about files here."""
        self._notes = block("notes").mark("attach-notes")

    def allow(self, model: ModelSenses | None) -> None:
        """Take what ``model`` takes; None while nobody knows."""
        self._model = model
        self._notes.clear()
        self._why = _("Choose a model first.")
        self._button.allow(model.senses if model else frozenset(), model.why if model else self._why)

    async def follow(self, model: str) -> None:
        """Take what the model in the folder ``model`` takes."""
        self.allow(await run.io_bound(self._studio.senses, model))

    def show(self, files: Sequence[Attachment]) -> None:
        """Have ``files`` instead, as far as they are still there."""
        self.files = tuple(file for file in files if self._store.key(file))
        self._draw()

    def sent(self, files: tuple[Attachment, ...]) -> None:
        """Have ``files`` no more: they are kept with a message now."""
        self._store.forget(files)
        self._take(tuple(file for file in self.files if file not in files))

    def _add(self, key: str) -> None:
        file = self._store.get(key)
        if file is None:
            return
        self._notes.clear()
        if self._model is not None and file.sense not in self._model.senses:
            self._store.forget((file,))
            takes = _(_TAKEN[self._model.senses])
            self._say(
                _("{file} is not what {model} takes: {files}.", file=file.name, model=self._model.name, files=takes)
            )
        elif len(self.files) >= MOST:
            self._store.forget((file,))
            self._say(_("{file} was left out: a message has {most} files at most.", file=file.name, most=MOST))
        else:
            self._take((*self.files, file))

    def _take(self, files: tuple[Attachment, ...]) -> None:
        self.files = files
        self._draw()
        self._changed(files)

    def _remove(self, file: Attachment) -> None:
        self._store.forget((file,))
        self._take(tuple(other for other in self.files if other is not file))
        self._button.focus()

    def _count(self, change: int) -> None:
        self._coming = max(0, self._coming + change)

    def _too_large(self, name: str, size: int) -> None:
        try:
            check_size(Path(name), size)
        except InvalidRequest as error:
            self._say(f"{given(error.message)} {given(error.hint)}")

    def _unable(self) -> None:
        """Say why nothing can be added, and what would change that."""
        model = self._model
        self._notes.clear()
        with self._notes:
            if model is None:
                note("info", self._why)
            else:
                tell(MlxConvertError(model.why, remedies=model.remedies), level="info")

    def _say(self, sentence: str) -> None:
        self._notes.clear()
        with self._notes:
            note("error", sentence)

    def _draw(self) -> None:
        self._list.clear()
        self._list.set_visibility(bool(self.files))
        with self._list:
            for file in self.files:
                with block("thumb", "li").mark("thumb"):
                    picture(file, address_of(f"/attached/{self._store.key(file)}"))
                    remove = Button(
                        "", lambda file=file: self._remove(file), icon="x", label=_("Remove {name}", name=file.name)
                    )
                    remove.classes("thumb-remove").mark("remove-file")


def picture(file: Attachment, address: str) -> None:
    """A picture with its name, or a player of a recording, from ``address``."""
    if file.sense == "picture":
        Tag("img", "", "picture").attribute("src", address).attribute("alt", file.name).attribute("title", file.name)
        return
    with block("recording"):
        Tag("span", file.name, "recording-name", icon="audio-lines")
        player = Tag("audio", "", "player", label=file.name).attribute("src", address)
        player.attribute("controls", True).attribute("preload", "metadata")


def pictures(files: Sequence[Attachment], id: str) -> None:
    """The attachments of a message that is kept in the conversation ``id``."""
    if files:
        with block("pictures", "ul", label=_("Shown with this message")):
            for file in files:
                with block("", "li"):
                    picture(file, address_of(f"/kept/{id}/{file.path.name}"))
