"""A repo that a model goes to, as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mlx_convert_core.plugin import RECORD, FileInfo, UploadError, file_names, parse_record
from mlx_convert_hub.card.origin import Origin, has_weights, origin_of
from mlx_convert_hub.client.connection import ANSWER_BYTES, HubConnection
from mlx_convert_hub.fetch.cache import is_oid
from mlx_convert_hub.fetch.listing import card_of

MAX_TEXT = 5_000_000  # bytes; a card or a record that is longer is not one


@dataclass(frozen=True)
class RemoteRepo:
    """``repo_id`` at its newest ``commit``; without one it does not exist. ``files`` are by name."""

    connection: HubConnection
    repo_id: str
    commit: str = ""
    private: bool = False
    files: Mapping[str, FileInfo] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether there is such a repo."""
        return bool(self.commit)

    @property
    def has_model(self) -> bool:
        """Whether there are weights in it, of whatever origin."""
        return has_weights(self.files)

    @cached_property
    def card(self) -> str | None:
        """The text of its README, None without one."""
        data = self._read(file_names.CARD)
        return None if data is None else data.decode("utf-8", errors="replace")

    @cached_property
    def origin(self) -> Origin | None:
        """Of which origin the model there is, None when nothing tells."""
        data = self._read(RECORD)
        return None if data is None else origin_of(parse_record(data))

    def _read(self, name: str) -> bytes | None:
        file = self.files.get(name)
        if file is None or file.size > MAX_TEXT:
            return None
        return self.connection.ask(lambda: self._bytes(name))

    def _bytes(self, name: str) -> bytes:
        data = bytearray()
        with self.connection.stream(self.repo_id, name, self.commit) as response:
            for block in self.connection.blocks(response, ANSWER_BYTES):
                data += block
                if len(data) > MAX_TEXT:
                    break
        return bytes(data)


def look(connection: HubConnection, repo_id: str) -> RemoteRepo:
    """What ``repo_id`` is now, in one request; raises what the client raises, and code ``up_moved``."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        info = connection.ask(lambda: connection.describe(repo_id))
    except RepositoryNotFoundError:
        return RemoteRepo(connection, repo_id)
    if info.id.lower() != repo_id.lower():
        raise UploadError(f"{repo_id} is called {info.id} now.", hint=f"Send it to hub:{info.id}", code="up_moved")
    card = card_of(info.card_data)
    tags = card.get("tags", [])
    return RemoteRepo(
        connection,
        repo_id,
        commit=str(info.sha),
        private=bool(info.private),
        files={sibling.rfilename: _file(sibling) for sibling in info.siblings or ()},
        tags=tuple(tags if isinstance(tags, list) else [tags]),
    )


def _file(sibling: Any) -> FileInfo:
    oid = sibling.lfs.sha256 if sibling.lfs is not None else sibling.blob_id
    size = sibling.size if isinstance(sibling.size, int) else -1
    return FileInfo(name=sibling.rfilename, size=size, oid=oid if is_oid(oid) else None)
