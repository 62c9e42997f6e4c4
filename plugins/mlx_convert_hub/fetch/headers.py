"""The safetensors headers of weight files that are far away: the first bytes of each, and no weight."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from mlx_convert_core.plugin import FileInfo, TensorInfo, all_tensors, header_length, parse_header, read_header
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
            return tuple(_named(tensor, file.name) for tensor in read_header(found))
        return connection.ask(lambda: _read_far(connection, repo_id, commit, file))

    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="headers") as pool:
        try:
            return all_tensors(pool.map(read, files), repo_id)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read_far(connection: HubConnection, repo_id: str, commit: str, file: FileInfo) -> tuple[TensorInfo, ...]:
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


def _named(tensor: TensorInfo, shard: str) -> TensorInfo:
    from dataclasses import replace

    return tensor if tensor.shard == shard else replace(tensor, shard=shard)
