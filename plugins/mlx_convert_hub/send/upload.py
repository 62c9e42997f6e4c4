"""One upload: what differs is sent, and shown by one commit; what is there already, and what a person added, stays."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from mlx_convert_core.plugin import (
    RECORD,
    FileInfo,
    MlxConvertError,
    Reporter,
    UploadRequest,
    UploadResult,
    encode_record,
    file_names,
    read_record,
)
from mlx_convert_hub.card.published_card import card_to_send
from mlx_convert_hub.client.connection import HubConnection, seconds_to_wait
from mlx_convert_hub.client.patience import session
from mlx_convert_hub.fetch.partial import hasher, is_intact
from mlx_convert_hub.send.model_files import files_of, refuse_places
from mlx_convert_hub.send.remote import RemoteRepo, look
from mlx_convert_hub.send.sending import Outgoing, Sender
from mlx_convert_hub.send.watched_thread import WorkProgress, attend
from mlx_convert_hub.trouble.seen import Failure, scrub

T = TypeVar("T")
TRIES = 3
LONGEST_WAIT_SECONDS = 600.0
# Parts of a model that would be loaded together with it.
_WEIGHTS = (file_names.WEIGHTS, "*.safetensors.index.json")


@dataclass(frozen=True)
class Upload:
    """``request``, checked, on its way through ``connection``; ``refuse`` looks once more at what is there."""

    connection: HubConnection
    request: UploadRequest
    report: Reporter
    refuse: Callable[[UploadRequest, RemoteRepo], None]

    def run(self) -> UploadResult:
        """Send, and after trouble that passes look anew what is still missing. Raises what the client raises."""
        situation = self.connection.situation(self.request.name, uploading=True)
        session()  # bounded, also where the client asks by itself
        with _scrubbed_logs():
            for attempt in range(TRIES):
                try:
                    return self._once()
                except MlxConvertError:
                    raise
                except Exception as error:
                    failure = Failure(error, situation)
                    wait = seconds_to_wait(failure, attempt, self.connection.pause)
                    if wait is None or wait > LONGEST_WAIT_SECONDS or attempt == TRIES - 1:
                        raise
                    self.report.message(f"{failure.host} is in trouble: the upload goes on in {wait:.0f} s.")
                    self._sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _once(self) -> UploadResult:
        remote = self._remote()
        files = outgoing(self.request, remote)
        if remote.has_model:
            self.report.message(f"comparing with what {self.request.name} has already.")
        changed = [file for file in files if not self._is_there(file, remote)]
        stale = _stale(remote, {file.name for file in files})
        sender = Sender(self.connection, self.request.name, self.report, sum(file.size for file in changed))
        if changed or stale:
            from huggingface_hub import CommitOperationDelete

            operations = [sender.send(file) for file in sorted(changed, key=lambda file: file.size)]
            deletes = [CommitOperationDelete(name) for name in stale]
            title = f"Upload {self.request.name.rpartition('/')[2]} with mlx-convert"
            sender.commit([*operations, *deletes], remote.commit, title)
        else:
            self.report.message(f"{self.request.name} has all of it already: nothing was sent.")
        return UploadResult(
            location=f"{self.connection.site}/{self.request.name}",
            files=len(files),
            sent_files=len(changed),
            sent_bytes=sender.sent,
            public=not remote.private,
        )

    def _remote(self) -> RemoteRepo:
        """The repo as it is now, made first if need be."""
        remote = self._ask(lambda: look(self.connection, self.request.name))
        if not remote.exists:
            self._ask(self._create)
            remote = self._ask(lambda: look(self.connection, self.request.name))
        self._ask(lambda: self.refuse(self.request, remote))
        return remote

    def _create(self) -> None:
        from huggingface_hub import HfApi

        HfApi(endpoint=self.connection.endpoint).create_repo(self.request.name, private=not self.request.public)

    def _is_there(self, file: Outgoing, remote: RemoteRepo) -> bool:
        there = remote.files.get(file.name)
        if there is None or there.oid is None or there.size != file.size:
            return False
        if isinstance(file.content, bytes):
            digest = hasher(there)
            digest.update(file.content)
            return digest.hexdigest() == there.oid
        return is_intact(file.content, there, self.report.check_cancelled)

    def _ask(self, question: Callable[[], T]) -> T:
        """The answer to a question that takes the client no time-out, left when the job is cancelled."""
        return attend(question, WorkProgress(), self.report.check_cancelled, self.connection.stall_seconds)

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.report.check_cancelled()
            time.sleep(0.05)


def outgoing(request: UploadRequest, remote: RemoteRepo) -> list[Outgoing]:
    """The files of the model's folder as they are sent: the card for this repo, the record without local places.

    What stands in the place of a record and is none is not sent: nobody can tell what it names.
    """
    files = files_of(request.path)
    refuse_places(request.path, files)
    found: dict[str, Path | bytes] = {path.as_posix(): request.path / path for path in files}
    found[file_names.CARD] = card_to_send(request.path, request.name, remote.card, remote.tags).encode()
    if found.pop(RECORD, None) is not None and (record := read_record(request.path)) is not None:
        found[RECORD] = encode_record(record)
    return [Outgoing(name, content) for name, content in found.items()]


def _stale(remote: RemoteRepo, sent: set[str]) -> list[str]:
    """Files of the model that was there before: they would be mixed up with the new one's."""
    ours = {RECORD, *(remote.origin.files if remote.origin is not None else ())}
    return [name for name in remote.files if name not in sent and (name in ours or _is_weights(remote.files, name))]


def _is_weights(files: Mapping[str, FileInfo], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _WEIGHTS) and "/" not in name


@contextmanager
def _scrubbed_logs() -> Iterator[None]:
    """Keep signed addresses out of what the client logs meanwhile."""

    class Scrub(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            record.msg, record.args = scrub(record.getMessage()), ()
            return True

    handlers = list(logging.getLogger("huggingface_hub").handlers)
    scrubbing = Scrub()
    for handler in handlers:
        handler.addFilter(scrubbing)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(scrubbing)
