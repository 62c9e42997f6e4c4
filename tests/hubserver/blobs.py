"""File contents as the server keeps them: in memory or on disk, with the hashes that the Hub tells."""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK = 1 << 18
LFS_BYTES = 10 * 1024 * 1024
LFS_SUFFIXES = (".safetensors", ".bin", ".gguf", ".pt", ".pth", ".ckpt", ".h5", ".onnx", ".msgpack", ".model", ".npz")


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of one file. `size` and `sha256` are what the server claims, normally the truth."""

    source: bytes | Path
    size: int
    sha256: str
    git_oid: str
    lfs: bool

    @property
    def etag(self) -> str:
        """What the Hub gives as ETag: the sha256 of an LFS file, the git hash of any other."""
        return self.sha256 if self.lfs else self.git_oid

    @property
    def length(self) -> int:
        """How many bytes there really are."""
        return self.source.stat().st_size if isinstance(self.source, Path) else len(self.source)

    def read(self, start: int = 0, length: int | None = None) -> bytes:
        """Return the bytes, or `length` of them from `start`."""
        return b"".join(self.blocks(start, self.length - start if length is None else length))

    def blocks(self, start: int, length: int, block: int = BLOCK) -> Iterator[bytes]:
        """Yield `length` bytes from `start`, at most `block` at a time."""
        with self.source.open("rb") if isinstance(self.source, Path) else io.BytesIO(self.source) as stream:
            stream.seek(start)
            while length > 0 and (data := stream.read(min(block, length))):
                length -= len(data)
                yield data


def make_blob(name: str, source: bytes | Path, lfs: bool | None = None) -> Blob:
    """Hash a file. `lfs` is decided by name, size and first bytes when it isn't given, as .gitattributes would."""
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    plain = Blob(source=source, size=size, sha256="", git_oid="", lfs=False)
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
    for block in plain.blocks(0, size):
        sha256.update(block)
        git.update(block)
    if lfs is None:
        lfs = is_lfs(name, size, plain.read(0, min(size, 512)))
    oid = git_hash(pointer(sha256.hexdigest(), size)) if lfs else git.hexdigest()
    return Blob(source=source, size=size, sha256=sha256.hexdigest(), git_oid=oid, lfs=lfs)


def is_lfs(name: str, size: int, sample: bytes) -> bool:
    """Tell whether the Hub would keep a file of this name, size and beginning as an LFS file."""
    return size > 0 and (name.endswith(LFS_SUFFIXES) or size > LFS_BYTES or b"\0" in sample)


def pointer(sha256: str, size: int) -> bytes:
    """Return the text that git keeps in place of an LFS file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def git_hash(data: bytes) -> str:
    """Return git's hash of a file with these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def safetensors_header(blob: Blob) -> dict[str, dict[str, Any]]:
    """Return the JSON header of a safetensors file, or nothing when it isn't one."""
    try:
        (length,) = struct.unpack("<Q", blob.read(0, 8))
        header = json.loads(blob.read(8, length)) if length <= blob.length else {}
    except (struct.error, ValueError):
        return {}
    return header if isinstance(header, dict) else {}


def parameter_counts(blobs: Iterator[Blob]) -> dict[str, int]:
    """Count the parameters of safetensors files by dtype, as the Hub's `safetensors.parameters` does."""
    counts: Counter[str] = Counter()
    for blob in blobs:
        for name, tensor in safetensors_header(blob).items():
            if name != "__metadata__":
                counts[str(tensor["dtype"])] += math.prod(tensor["shape"])
    return dict(counts)
