"""Finished tensors are read back while others are still being written, and nothing is taken on trust."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from mlx_convert_core.plugin import ShardWriter, TensorInfo
from mlx_convert_core.writing.read_back import PartRead, ReadBack, stamp_of

SIZES = {"a": 3_000_000, "b": 0, "c": 10, "d": 2_000_000}


def writer(folder: Path) -> ShardWriter:
    tensors = [
        TensorInfo(name=name, dtype="U8", shape=(size,), shard="model.safetensors") for name, size in SIZES.items()
    ]
    return ShardWriter(folder, tensors, read_back=True)


def part(opened: ShardWriter) -> PartRead:
    """How far the reader is."""
    assert isinstance(opened._reader, ReadBack)
    return opened._reader._parts["model.safetensors"]


def wait_until(opened: ShardWriter, position: int) -> None:
    deadline = time.monotonic() + 60
    while part(opened).position < position:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_file_is_read_as_far_as_its_tensors_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with writer(tmp_path) as opened:
        start = opened._next["a"]
        wait_until(opened, start)
        for name in ("d", "b", "c"):
            opened.write(name, os.urandom(SIZES[name]))
        opened.write("a", os.urandom(1_000_000))
        assert part(opened).position == start
        opened.write("a", os.urandom(2_000_000))
        wait_until(opened, path.stat().st_size)
    read = opened.read["model.safetensors"]
    assert read.sha256.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read.holds(path)


def test_what_was_read_does_not_hold_for_a_changed_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with writer(tmp_path) as opened:
        for name, size in SIZES.items():
            opened.write(name, bytes(size))
        wait_until(opened, path.stat().st_size)
    stamp = stamp_of(path)
    assert stamp is not None
    assert opened.read["model.safetensors"].holds(path)
    size, time_ns = stamp
    os.utime(path, ns=(time_ns + 1, time_ns + 1))
    assert not opened.read["model.safetensors"].holds(path)
    os.utime(path, ns=(time_ns, time_ns))
    assert stamp_of(path) == stamp
    assert not opened.read["model.safetensors"].holds(path)  # that it was touched can't be undone
    os.truncate(path, size - 1)
    assert not opened.read["model.safetensors"].holds(path)
    path.unlink()
    assert not opened.read["model.safetensors"].holds(path)


@pytest.mark.parametrize("forged", [False, True])
def test_what_was_read_is_void_when_somebody_writes_before_our_last_write(tmp_path: Path, forged: bool) -> None:
    path = tmp_path / "model.safetensors"
    with writer(tmp_path) as opened:
        for name in ("a", "b", "c"):
            opened.write(name, bytes(SIZES[name]))
        wait_until(opened, opened._next["d"])
        time.sleep(0.02)  # a tick of the clock of an old kernel's file system
        before = path.stat()
        with path.open("r+b") as file:
            file.seek(1000)
            file.write(b"\1")
        if forged:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        opened.write("d", bytes(SIZES["d"]))
        wait_until(opened, path.stat().st_size)
    assert not opened.read["model.safetensors"].holds(path)


@pytest.mark.parametrize("spoiled", ["a", "d"])
def test_a_difference_is_left_for_the_check(tmp_path: Path, spoiled: str) -> None:
    with writer(tmp_path) as opened:
        start = {name: opened._next[name] for name in SIZES}
        handle = opened._handles["model.safetensors"]
        digest = opened._digest

        def after_spoiling(name: str) -> str:
            """The digest, when the bytes on the disk are no longer those."""
            if name == spoiled and digest(name):
                os.pwrite(handle, b"\1", start[name])
            return digest(name)

        opened._reader._digest_of = after_spoiling  # type: ignore[union-attr]
        for name, size in SIZES.items():
            opened.write(name, bytes(size))
        deadline = time.monotonic() + 60
        while opened._reader is not None and opened._reader._thread.is_alive():
            assert time.monotonic() < deadline
            time.sleep(0.001)
    assert opened.read["model.safetensors"].position == start[spoiled]
