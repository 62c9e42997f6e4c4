"""One file from the Hub into the cache: resumed, checked while it is written, fetched again once if it is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_convert_core.plugin import CorruptCheckpoint, FileInfo
from mlx_convert_hub.client.connection import HubConnection, seconds_to_wait
from mlx_convert_hub.client.patience import EndedEarly, RangeRefused
from mlx_convert_hub.fetch.cache import RepoCache
from mlx_convert_hub.fetch.partial import PartialFile, is_intact
from mlx_convert_hub.fetch.transfer import Stopped, Transfer
from mlx_convert_hub.trouble.explain import explained
from mlx_convert_hub.trouble.seen import Failure

if TYPE_CHECKING:
    import httpx2

TRIES = 5
LONGEST_WAIT_SECONDS = 600.0
PIECE = 20_000_000_000  # bytes; the Hub's storage sends at most 50 GB in one answer


class WrongBytes(Exception):
    """What came is not the file that was announced."""

    def __init__(self, code: str, told: str) -> None:
        super().__init__(told)
        self.code, self.told = code, told


class PortalPage(Exception):
    """A web page came instead of a file."""


@dataclass(frozen=True)
class Download:
    """Files of one commit of one repo, on their way into the cache; ``tries`` in a row may bring no byte.

    One that somebody waits for, without being told how far it is, may not drip either.
    """

    connection: HubConnection
    repo_id: str
    commit: str
    transfer: Transfer
    tries: int = TRIES
    waited_for: bool = False

    @property
    def cache(self) -> RepoCache:
        """Where they go."""
        return RepoCache(self.connection.cache, self.repo_id)

    def get(self, file: FileInfo) -> Path:
        """``file`` in the snapshot of the commit; what is there already is checked and used.

        Raises the errors of `trouble/table.py`, and CorruptCheckpoint (codes ``checksum``, ``size_mismatch``).
        """
        with explained(self.connection.situation(self.repo_id, self.commit, file=file.name)):
            blob = self.cache.blob(file, self.commit)
            with self.cache.lock(blob, self.transfer.wait):
                found = self._found(file)
                if found is not None:
                    return found if found != blob else self.cache.link(blob, file, self.commit)
                self._fetch(file, blob)
                return self.cache.link(blob, file, self.commit)

    def _found(self, file: FileInfo) -> Path | None:
        """What the cache has of ``file``, if its bytes are right: nobody checked them when they came."""
        path = self.cache.find(file, self.commit)
        if path is None:
            return None
        if is_intact(path, file, self.transfer.check):
            self.transfer.advance(file.size, found=True)
            return path
        if self.connection.offline:
            raise CorruptCheckpoint(
                f"{file.name} of {self.repo_id} is damaged in the cache: its bytes don't have the announced hash.",
                hint="Unset HF_HUB_OFFLINE and run it again: the file is fetched anew.",
                code="checksum",
            )
        self.transfer.message(f"{file.name} is damaged in the cache and is fetched again.")
        return None

    def _fetch(self, file: FileInfo, blob: Path) -> None:
        partial_path = self.cache.partial(file, self.commit)
        with PartialFile(partial_path, file, self.transfer.check) as partial:
            self.transfer.advance(partial.size, found=True)
            for last in (False, True):
                try:
                    self._receive(file, partial)
                    break
                except WrongBytes as wrong:
                    self.transfer.advance(-partial.restart())
                    if last:
                        raise self._refused(file, wrong) from None
                    self.transfer.message(f"{wrong.told} It is fetched again.")
        partial_path.replace(blob)

    def _receive(self, file: FileInfo, partial: PartialFile) -> None:
        """Stream until ``partial`` is whole, trying again after trouble. Raises WrongBytes."""
        tries = 0
        while partial.size < file.size:
            before = partial.size
            try:
                self._stream(file, partial)
            except (WrongBytes, Stopped):
                raise
            except Exception as error:
                self.transfer.check()
                tries = tries + 1 if partial.size <= before else 1
                if isinstance(error, RangeRefused):  # what is here goes beyond the file that the server has now
                    self.transfer.advance(-partial.restart())
                self._wait(Failure(error, self.connection.situation(self.repo_id)), file, tries)
        if not partial.right:
            raise WrongBytes("checksum", f"{file.name} arrived with other bytes than the Hub announced.")

    def _stream(self, file: FileInfo, partial: PartialFile) -> None:
        end = min(partial.size + PIECE, file.size)
        byte_range = f"{partial.size}-{end - 1}" if partial.size or end < file.size else ""
        with self.connection.stream(self.repo_id, file.name, self.commit, byte_range) as response:
            if response.status_code == 200 and partial.size:
                self.transfer.advance(-partial.restart())
            end = end if response.status_code == 206 else file.size
            _check_length(response, file, partial.size, end)
            with self.transfer.watching(response):
                blocks = self.connection.blocks(response, file.size + 1) if self.waited_for else response.iter_raw()
                for block in blocks:
                    self.transfer.check()
                    if partial.size + len(block) > file.size:
                        raise WrongBytes(
                            "size_mismatch", f"{file.name} has more than the {file.size:,} bytes announced."
                        )
                    partial.append(block)
                    self.transfer.advance(len(block))
        if partial.size < end:
            raise EndedEarly(f"{file.name} is not whole yet")

    def _wait(self, failure: Failure, file: FileInfo, tries: int) -> None:
        """Sleep before the next try; raises the error itself when there should be none."""
        wait = seconds_to_wait(failure, tries - 1, self.connection.pause)
        if wait is None or wait > LONGEST_WAIT_SECONDS or tries >= self.tries:
            raise failure.error
        what = "asks to slow down" if failure.status == 429 else "is in trouble" if failure.status else "is silent"
        self.transfer.message(f"{failure.host} {what}: {file.name} goes on in {wait:.0f} s.")
        self.transfer.wait(wait)

    def _refused(self, file: FileInfo, wrong: WrongBytes) -> CorruptCheckpoint:
        return CorruptCheckpoint(
            f"{wrong.told.rstrip('.')}, twice.",
            hint=f"Nothing of it was kept. Something between you and the Hub changes files, or {self.repo_id} is"
            " damaged: try another network, or tell its owner.",
            code=wrong.code,
        )


def _check_length(response: httpx2.Response, file: FileInfo, offset: int, end: int) -> None:
    """Before a byte is taken: is what comes as long as what was announced?"""
    told = response.headers.get("Content-Length", "")
    total = offset + int(told) if told.isdigit() else None
    if total in (None, end):
        return
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise PortalPage(f"a web page of {told} bytes came instead of {file.name}")
    raise WrongBytes("size_mismatch", f"{file.name} should have {file.size:,} bytes, and {total:,} were offered.")
