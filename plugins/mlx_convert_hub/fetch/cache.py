"""The Hugging Face cache of one repo, laid out as its own client does, so that nothing is ever stored twice.

Layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache ::

    models--org--name/blobs/<oid>                   a file's bytes; <oid>.mlx.incomplete while they arrive
    models--org--name/snapshots/<commit>/<name>     a link to them
    models--org--name/refs/<branch>                 the commit that a branch or tag meant
    .locks/models--org--name/<oid>.lock             held while a blob is made
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from mlx_convert_core.plugin import CorruptCheckpoint, FileInfo, check_regular, hub_names

LOCK_POLL_SECONDS = 0.1
_OID = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")


@dataclass(frozen=True)
class RepoCache:
    """The place of ``repo_id`` in the cache folder ``cache``. Nothing is made before something is kept."""

    cache: Path
    repo_id: str

    @property
    def folder(self) -> Path:
        """The repo's folder."""
        return self.cache / self._name

    @property
    def _name(self) -> str:
        return "models--" + self.repo_id.replace("/", "--")

    def snapshot(self, commit: str) -> Path:
        """The folder that shows the files of ``commit``."""
        return self.folder / "snapshots" / commit

    def blob(self, file: FileInfo, commit: str) -> Path:
        """Where the bytes of ``file`` are, or will be; one without a known hash is named by its place."""
        oid = file.oid or hashlib.sha1(f"{commit}/{file.name}".encode()).hexdigest()
        return self.folder / "blobs" / oid

    def partial(self, file: FileInfo, commit: str) -> Path:
        """Where the bytes of ``file`` gather."""
        blob = self.blob(file, commit)
        return blob.with_name(f"{blob.name}.mlx.incomplete")

    def find(self, file: FileInfo, commit: str) -> Path | None:
        """The file of this commit, or its blob, where one of the right size is there."""
        for path in (self.snapshot(commit) / file.name, self.blob(file, commit)):
            with suppress(OSError, CorruptCheckpoint):  # also a link that somebody planted in the cache
                if check_regular(path, within=path.parent).st_size == file.size:
                    return path
        return None

    def missing_bytes(self, file: FileInfo, commit: str) -> int:
        """Bytes of ``file`` that are not here yet."""
        if self.find(file, commit) is not None:
            return 0
        partial = self.partial(file, commit)
        return max(file.size - (partial.stat().st_size if partial.exists() else 0), 0)

    def link(self, blob: Path, file: FileInfo, commit: str) -> Path:
        """Let the snapshot of ``commit`` show ``blob`` as ``file``; the path there."""
        pointer = self.snapshot(commit) / file.name
        if pointer.exists() and pointer.samefile(blob):
            return pointer
        pointer.parent.mkdir(parents=True, exist_ok=True)
        temporary = pointer.with_name(f".{pointer.name}.{os.getpid()}.tmp")
        temporary.unlink(missing_ok=True)
        try:
            temporary.symlink_to(os.path.relpath(blob, pointer.parent))
            temporary.replace(pointer)
        except OSError:  # no symbolic links on this disk: the snapshot holds the file itself, as the client does it
            blob.replace(pointer)
        return pointer

    def remove(self, pointer: Path) -> None:
        """Delete a file that a snapshot shows, and its bytes, unless another snapshot shows them too."""
        blob = pointer.resolve()
        pointer.unlink(missing_ok=True)
        others = (self.folder / "snapshots").glob(f"*/{escape(pointer.name)}")
        if blob.parent == (self.folder / "blobs").resolve() and not any(other.resolve() == blob for other in others):
            blob.unlink(missing_ok=True)

    def commit_of(self, revision: str) -> str | None:
        """The commit that ``revision`` meant when it was last fetched."""
        if hub_names.COMMIT.fullmatch(revision):
            return revision
        path = self.folder / "refs" / revision
        text = path.read_text().strip() if path.is_file() else ""
        return text if hub_names.COMMIT.fullmatch(text) else None

    def remember(self, revision: str, commit: str) -> None:
        """Note that ``revision`` means ``commit`` now."""
        path = self.folder / "refs" / revision
        if hub_names.COMMIT.fullmatch(revision) or (path.is_file() and path.read_text() == commit):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        temporary.write_text(commit)
        temporary.replace(path)

    @contextmanager
    def lock(self, blob: Path, waiting: Callable[[float], None]) -> Iterator[None]:
        """Keep other processes and threads away from ``blob``; ``waiting`` is called while another one has it."""
        from filelock import FileLock, Timeout

        path = self.cache / ".locks" / self._name / f"{blob.name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        blob.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, mode=0o664)
        while True:
            try:
                lock.acquire(timeout=0)
                break
            except Timeout:
                waiting(LOCK_POLL_SECONDS)
        try:
            yield
        finally:
            lock.release()


def oid_of(path: Path) -> str | None:
    """The hash of a cached file by the name of the blob that it links to."""
    name = os.readlink(path).rpartition("/")[2] if path.is_symlink() else ""
    return name if _OID.fullmatch(name) else None


def is_oid(text: object) -> bool:
    """Whether ``text`` is a sha256 or one of git's hashes, in hex."""
    return isinstance(text, str) and bool(_OID.fullmatch(text))
