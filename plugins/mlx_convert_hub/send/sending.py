"""Files on their way into a repo's storage: real progress, stopped at once, by Xet or without it.

The bytes go first, file by file, so that a run that breaks off keeps what arrived; the commit goes last.
"""

from __future__ import annotations

import importlib.util
import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlx_convert_core.plugin import Reporter, file_names
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.send.watched_thread import WorkProgress, attend

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

T = TypeVar("T")
BIG = 10_000_000  # bytes; from here on the Hub always keeps a file outside of git
COMMIT_SECONDS = 300.0  # the Hub may take long over a commit, without a sign
_plain_lock = threading.Lock()
_plain_transfers = 0  # that go without Xet now
_plain_before = False  # the client's switch before the first of them


@dataclass(frozen=True)
class Outgoing:
    """A file to send under ``name``: one on the disk, or bytes."""

    name: str
    content: Path | bytes

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    @property
    def stored_apart(self) -> bool:
        """Whether the Hub surely keeps it outside of git, so that its bytes can go ahead of the commit."""
        return isinstance(self.content, Path) and (self.name.endswith(file_names.SAFETENSORS) or self.size > BIG)


class Sender:
    """Sends files to ``repo_id``, and makes the commit. ``sent`` counts the bytes that really went."""

    def __init__(self, connection: HubConnection, repo_id: str, report: Reporter, total: int) -> None:
        from huggingface_hub import HfApi

        self.sent = 0
        self._connection, self._repo_id, self._report, self._total = connection, repo_id, report, total
        self._api: HfApi = HfApi(endpoint=connection.endpoint)
        self._done = self._with_commit = 0
        self._xet = _has_xet()
        self._session: Any = None

    def send(self, file: Outgoing) -> CommitOperationAdd:
        """Bring the bytes of ``file`` to the storage; what to name in the commit."""
        pulse = WorkProgress()
        addition = _watched(file, pulse)
        if file.stored_apart:
            self._store(addition, pulse)
        else:
            self._with_commit += file.size
        self._done += file.size
        self._report.progress("upload", self._done, self._total)
        return addition

    def commit(self, operations: list[Any], parent: str, title: str) -> None:
        """Let the repo show what was sent, in one commit on top of ``parent``."""

        def work() -> None:
            with _without_bars(), nullcontext() if self._xet else _plain_transfer():
                self._api.create_commit(self._repo_id, operations, commit_message=title, parent_commit=parent)

        attend(work, WorkProgress(), self._report.check_cancelled, COMMIT_SECONDS)
        self.sent += self._with_commit

    def _store(self, addition: CommitOperationAdd, pulse: WorkProgress) -> None:
        if self._xet:
            try:
                self.sent += self._attend(lambda: self._through_xet(addition, pulse), pulse)
                return
            except Exception as error:
                self._report.check_cancelled()
                self._report.message(
                    f"Xet storage fails ({type(error).__name__}): {addition.path_in_repo} goes without it."
                )
                self._xet = False
        plain = WorkProgress()
        again = _watched(Outgoing(addition.path_in_repo, Path(str(addition.path_or_fileobj))), plain)
        self._attend(lambda: self._through_http(again), plain)
        self.sent += plain.position
        _mark_stored(addition, again.upload_info.sha256)

    def _attend(self, work: Callable[[], T], pulse: WorkProgress) -> T:
        def watch() -> None:
            self._report.check_cancelled()
            self._report.progress("upload", min(self._done + pulse.position, self._total), self._total)

        return attend(work, pulse, watch, self._connection.stall_seconds)

    def _through_http(self, addition: CommitOperationAdd) -> None:
        with _plain_transfer():
            self._api.preupload_lfs_files(self._repo_id, [addition], free_memory=False)

    def _through_xet(self, addition: CommitOperationAdd, pulse: WorkProgress) -> int:
        """Send by hf_xet's own interface, which tells how far it is and can be stopped; the bytes that really went."""
        import hf_xet
        from huggingface_hub.utils import build_hf_headers

        headers = build_hf_headers()
        transferred = 0

        def moved(group: Any, items: Any) -> None:
            nonlocal transferred
            if group.total_transfer_bytes_completed != transferred:
                transferred = group.total_transfer_bytes_completed
                pulse.beat()
            pulse.at(min(group.total_bytes_completed, addition.upload_info.size))

        if self._session is None:
            self._session = hf_xet.XetSession()
        pulse.at_end(self._session.sigint_abort)
        with self._session.new_upload_commit(
            token_refresh_url=f"{self._connection.endpoint}/api/models/{self._repo_id}/xet-write-token/main",
            token_refresh_headers=headers,
            custom_headers={name: value for name, value in headers.items() if name.lower() != "authorization"},
            progress_callback=moved,
        ) as commit:
            pulse.at_end(commit.abort)
            handle = commit.start_upload_file(str(addition.path_or_fileobj), sha256=hf_xet.COMPUTE_SHA256)
        pulse.check()
        _mark_stored(addition, bytes.fromhex(handle.result().xet_info.sha256))
        return transferred


class _WatchedFile(io.FileIO):
    """A file that tells a pulse how far it was read, and that can't be read once nobody waits for it."""

    def __init__(self, path: str, pulse: WorkProgress) -> None:
        super().__init__(path, "rb")
        self._pulse = pulse

    def read(self, size: int | None = -1, /) -> bytes:
        self._pulse.check()
        data = super().read(-1 if size is None else size)
        self._pulse.at(self.tell())
        return data or b""


def _watched(file: Outgoing, pulse: WorkProgress) -> CommitOperationAdd:
    """The client's own description of a file, which opens as a watched one."""
    from huggingface_hub import CommitOperationAdd

    class Watched(CommitOperationAdd):
        @contextmanager
        def as_file(self, with_tqdm: bool = False) -> Iterator[Any]:
            if with_tqdm and isinstance(self.path_or_fileobj, str):
                with _WatchedFile(self.path_or_fileobj, pulse) as stream:
                    yield stream
            else:
                with super().as_file() as stream:
                    yield stream

    return Watched(path_in_repo=file.name, path_or_fileobj=file.content)


def _mark_stored(addition: CommitOperationAdd, sha256: bytes) -> None:
    """Spare the client from storing it again; should these names change, it would only find that it is there."""
    addition.upload_info.sha256 = sha256
    addition._upload_mode = "lfs"
    addition._is_uploaded = True


def _has_xet() -> bool:
    from huggingface_hub import constants

    with _plain_lock:
        disabled = _plain_before if _plain_transfers else constants.HF_HUB_DISABLE_XET
    return not disabled and importlib.util.find_spec("hf_xet") is not None


@contextmanager
def _plain_transfer() -> Iterator[None]:
    """Have the client go without Xet meanwhile, and without warnings about its own way to call httpx2.

    The client has one switch for the whole process. The last transfer to end turns it back, which may be one that
    nobody waits for any more.
    """
    global _plain_transfers, _plain_before
    from huggingface_hub import constants

    with _plain_lock:
        if not _plain_transfers:
            _plain_before = constants.HF_HUB_DISABLE_XET
        _plain_transfers += 1
        constants.HF_HUB_DISABLE_XET = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        with _plain_lock:
            _plain_transfers -= 1
            if not _plain_transfers:
                constants.HF_HUB_DISABLE_XET = _plain_before


@contextmanager
def _without_bars() -> Iterator[None]:
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    disabled = are_progress_bars_disabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not disabled:
            disable_progress_bars()
        try:
            yield
        finally:
            if not disabled:
                enable_progress_bars()
