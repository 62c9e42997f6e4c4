"""Pictures and sound of a conversation: private copies in `conversations/<id>/`, gone when it is."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from mlx_convert_core.base.private import FILE_MODE, private_folder
from mlx_convert_core.base.regular_files import open_regular
from mlx_convert_core.base.removing import remove_tree
from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.model.attachments import Attachment, check_size, sense_of, shown_name
from mlx_convert_core.model.conversations import Conversation, StoredMessage
from mlx_convert_core.refusals import naming

_NAME = re.compile(r"[0-9a-f]{32}\.[a-z0-9]{2,5}")
_PIECE = 1 << 20


class KeptFiles:
    """The files of one conversation, in ``folder``; each is called by what is in it, so that none is kept twice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, conversation: Conversation) -> Conversation:
        """``conversation`` with a copy of each attachment kept here. Raises OSError, CorruptCheckpoint."""
        return _with_files(conversation, self._kept)

    def named(self, conversation: Conversation) -> Conversation:
        """``conversation`` as it is stored: of each attachment's path its name alone, so that a home can be moved."""
        return _with_files(conversation, lambda file: replace(file, path=Path(file.path.name)))

    def placed(self, conversation: Conversation) -> Conversation:
        """A stored ``conversation`` with its attachments' paths. Raises InvalidRequest for one of another place."""
        return _with_files(conversation, lambda file: Attachment(name=shown_name(file.name), path=self.path(file.path)))

    def path(self, name: str | Path) -> Path:
        """Where the file called ``name`` lies. Raises InvalidRequest (``attachment``) for what is never kept here."""
        if _NAME.fullmatch(str(name)) is None:
            raise InvalidRequest(f"'{shown_name(str(name))}' is no file of a conversation.", code="attachment")
        sense_of(Path(name))
        return self.folder / name

    def filled(self, conversation: Conversation) -> Conversation:
        """``conversation`` with what is in its files, to be exported. One that is gone is left empty."""
        return _with_files(
            conversation, lambda file: replace(file, path=Path(file.path.name), data=_content(file.path))
        )

    def unpacked(self, conversation: Conversation) -> Conversation:
        """An exported ``conversation`` with its files written here; never one of this machine that it names by itself.

        One that comes without its content was gone before. Raises InvalidRequest (``attachment``) for what can't go
        with a question, and OSError.
        """
        return _with_files(conversation, self._written, lambda file: bool(file.data))

    def prune(self, conversation: Conversation) -> None:
        """Remove the files here that ``conversation`` does not have any more."""
        used = {file.path.name for message in conversation.all_messages() for file in message.attachments}
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.name not in used:
                remove_tree(path)
        if not used and self.folder.is_dir():
            remove_tree(self.folder)

    def remove(self) -> None:
        """Remove all of them."""
        remove_tree(self.folder)

    def _kept(self, file: Attachment) -> Attachment:
        if file.path.parent == self.folder:
            return file
        with open_regular(file.path, within=None) as source:
            return self._add(file, iter(partial(source.read, _PIECE), b""))

    def _written(self, file: Attachment) -> Attachment:
        check_size(Path(file.name), len(file.data))
        return self._add(file, (file.data,))

    def _add(self, file: Attachment, pieces: Iterable[bytes]) -> Attachment:
        """``file`` with ``pieces`` as its content, in a new file that has its final name once it is whole."""
        suffix, digest = file.path.suffix.lower(), hashlib.sha256()
        sense_of(Path(f"file{suffix}"))
        temporary = private_folder(self.folder) / f".{secrets.token_hex(8)}"
        try:
            with naming(temporary), open(temporary, "xb", opener=partial(os.open, mode=FILE_MODE)) as target:
                for piece in pieces:
                    digest.update(piece)
                    target.write(piece)
            kept = self.folder / f"{digest.hexdigest()[:32]}{suffix}"
            temporary.replace(kept)
        finally:
            temporary.unlink(missing_ok=True)
        return Attachment(name=shown_name(file.name), path=kept)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _with_files(
    conversation: Conversation,
    change: Callable[[Attachment], Attachment],
    wanted: Callable[[Attachment], bool] = lambda file: True,
) -> Conversation:
    def changed(message: StoredMessage) -> StoredMessage:
        return replace(message, attachments=tuple(change(file) for file in message.attachments if wanted(file)))

    return conversation.mapped(changed)
