"""What is published is on the disk itself: a Mac's drive is told to write down its own memory, too."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from mlx_convert_core.base import flushing

FULL = 51  # F_FULLFSYNC of macOS, which no other system has


@pytest.mark.parametrize("known", [True, False])
def test_a_macs_drive_writes_down_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    told: list[str] = []

    def command(handle: int, number: int) -> int:
        told.append(f"command {number}")
        if not known:
            raise OSError(errno.ENOTTY, "a disk that knows no such command")
        return 0

    monkeypatch.setattr(flushing, "_FULL", FULL)
    monkeypatch.setattr(fcntl, "fcntl", command)
    monkeypatch.setattr(os, "fsync", lambda handle: told.append("fsync"))
    with (tmp_path / "file").open("wb") as file:
        flushing.flush(file.fileno())
    assert told == ["command 51"] + ["fsync"] * (not known)


def test_an_error_of_the_disk_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(handle: int, *_: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(flushing, "_FULL", FULL)
    monkeypatch.setattr(fcntl, "fcntl", broken)
    monkeypatch.setattr(os, "fsync", broken)
    with (tmp_path / "file").open("wb") as file, pytest.raises(OSError, match="Input/output error"):
        flushing.flush(file.fileno())
