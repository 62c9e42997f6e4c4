"""The headers of weight files that are far away: the first bytes of each, of torch's the last ones too; no weight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlx_convert_core.plugin import (
    FileInfo,
    TensorInfo,
    all_tensors,
    file_names,
    header_length,
    parse_header,
    read_header,
    read_torch,
    torch_tensors,
)
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.cache import RepoCache

FIRST_BYTES = 1 << 17  # holds the header of all but the biggest files
PARALLEL = 48  # small questions, over the client's one pool of connections: 138 files take three round trips


def read_headers(
    connection: HubConnection, repo_id: str, commit: str, files: Iterable[FileInfo]
) -> tuple[TensorInfo, ...]:
    """The tensors of ``files``, in order; what the cache has is read there. Raises CorruptCheckpoint."""
    cache = RepoCache(connection.cache, repo_id)

    def read(file: FileInfo) -> tuple[TensorInfo, ...]:
        found = cache.find(file, commit)
        if found is not None:
            return tuple(_named(tensor, file.name) for tensor in _read_here(found, file))
        return connection.ask(lambda: _read_far(connection, repo_id, commit, file))

    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="headers") as pool:
        try:
            return all_tensors(pool.map(read, files), repo_id)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read_here(found: Path, file: FileInfo) -> tuple[TensorInfo, ...]:
    """A file of the cache; the path may be that of its blob, which says nothing of its kind."""
    return read_torch(found) if file.name.endswith(file_names.PICKLES) else read_header(found)


def _read_far(connection: HubConnection, repo_id: str, commit: str, file: FileInfo) -> tuple[TensorInfo, ...]:
    if file.name.endswith(file_names.PICKLES):
        parts = _Parts(lambda start, end: _bytes(connection, repo_id, commit, file, start, end), file.size)
        return torch_tensors(parts.read, file.size, file.name, placed=False)
    start = _bytes(connection, repo_id, commit, file, 0, FIRST_BYTES)
    length = header_length(start, file.size, file.name)
    if 8 + length > len(start):
        start += _bytes(connection, repo_id, commit, file, len(start), 8 + length)
    return parse_header(start[8 : 8 + length], file.size, file.name)


def _bytes(connection: HubConnection, repo_id: str, commit: str, file: FileInfo, start: int, end: int) -> bytes:
    """Bytes ``start`` to ``end`` of a file; a server that ignores ranges is hung up on in time."""
    end = min(end, file.size)
    if start >= end:
        return b""
    data = bytearray()
    with connection.stream(repo_id, file.name, commit, f"{start}-{end - 1}") as response:
        skip = start if response.status_code == 200 else 0
        for block in connection.blocks(response, skip + end - start + FIRST_BYTES):
            data += block
            if len(data) >= skip + end - start:
                break
    return bytes(data[skip : skip + end - start])


class _Parts:
    """Reads parts of a file of ``size`` bytes, and those around them, which are asked for next."""

    def __init__(self, ask: Callable[[int, int], bytes], size: int) -> None:
        self._ask = ask
        self._size = size
        self._had: list[tuple[int, bytes]] = []

    def read(self, start: int, end: int) -> bytes:
        """The bytes from ``start`` to ``end``; each is asked for once, `FIRST_BYTES` at least at a time."""
        end = min(end, self._size)
        for begin, data in self._had:
            if begin <= start and end <= begin + len(data):
                return data[start - begin : end - begin]
        first = max(0, min(start, self._size - FIRST_BYTES))
        self._had.append((first, self._ask(first, max(end, first + FIRST_BYTES))))
        return self._had[-1][1][start - first : end - first]


def _named(tensor: TensorInfo, shard: str) -> TensorInfo:
    return tensor if tensor.shard == shard else tensor.replace(shard=shard)
