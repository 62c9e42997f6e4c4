"""What the upload dialog asks for, and what the target says about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from nicegui import background_tasks

from mlx_convert_core import MlxConvertError, UploadRequest
from mlx_convert_core.plugin import UploadTarget
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.words import N_, _

TYPING_SECONDS = 0.4
HERE = frozenset({"folder"})  # targets on this machine: a folder can be chosen, and nothing is private or public
TITLES = {"hub": "Hugging Face", "folder": N_("Folder")}


@dataclass
class UploadForm:
    """The fields as they were typed; a name of "" leaves it to the target."""

    path: Path
    target: str
    name: str = ""
    public: bool = False
    replace: bool = False

    def request(self) -> UploadRequest:
        """What is asked for."""
        return UploadRequest(
            path=self.path,
            target=self.target,
            name=self.name.strip().removeprefix(f"{self.target}:"),  # as the command line has it
            public=self.public,
            replace=self.replace,
        )

    @property
    def lacks_name(self) -> bool:
        """Whether nothing can be said yet: a folder is to be named, and none was."""
        return self.target in HERE and not self.name.strip()


@dataclass
class Answer:
    """What the target says: the checked request with the card that would be sent, or what stands in the way."""

    busy: bool = False
    request: UploadRequest | None = None
    card: str = ""
    error: MlxConvertError | None = None


@dataclass
class Checker:
    """Asks the target in the background; only the answer to the newest question is told."""

    studio: Studio
    form: UploadForm
    changed: Callable[[], None]
    answer: Answer = field(default_factory=Answer)
    turn: int = 0

    def ask(self, delay: float = TYPING_SECONDS) -> None:
        """Check the form as it is now, once the typing pauses."""
        self.turn += 1
        if self.form.lacks_name:
            self._tell(self.turn, Answer())
            return
        self._tell(self.turn, Answer(busy=True))
        background_tasks.create(self._check(self.turn, delay), name="check-upload")

    def stop(self) -> None:
        """Tell nothing more."""
        self.turn += 1

    async def _check(self, turn: int, delay: float) -> None:
        await asyncio.sleep(delay)
        if turn != self.turn:
            return
        try:
            answer = await self.studio.questions.ask(lambda: self._answer(turn))
        except MlxConvertError as error:
            answer = Answer(error=error)
        self._tell(turn, answer or Answer())

    def _answer(self, turn: int) -> Answer:
        """What the target says now; nothing when another question came before this one's turn."""
        if turn != self.turn:
            return Answer()
        workspace = self.studio.workspace
        checked = workspace.check_upload(self.form.request())
        return Answer(request=checked, card=workspace.preview_upload(checked))

    def _tell(self, turn: int, answer: Answer) -> None:
        if turn == self.turn:
            self.answer = answer
            self.changed()


def title_of(target: UploadTarget) -> str:
    """What a person calls the target."""
    known = TITLES.get(target.name)
    return _(known) if known is not None else target.name.capitalize()
