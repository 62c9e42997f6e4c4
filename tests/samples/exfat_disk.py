"""An exFAT disk in a file: on a Mac made with hdiutil, on Linux with exfatprogs and a loop device, as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTES = 64


@contextmanager
def exfat_disk(place: Path) -> Iterator[Path]:
    """Give the top folder of a new exFAT disk. Skips the test where none can be made."""
    disk = place / "Exfat"
    disk.mkdir()
    with _mac_disk(place, disk) if sys.platform == "darwin" else _linux_disk(place, disk):
        yield disk


@contextmanager
def _mac_disk(place: Path, disk: Path) -> Iterator[None]:
    image = str(place / "disk.dmg")
    _run("hdiutil", "create", "-fs", "ExFAT", "-size", f"{MEGABYTES}m", "-volname", "Exfat", image)
    _run("hdiutil", "attach", image, "-nobrowse", "-mountpoint", str(disk))
    try:
        yield
    finally:
        subprocess.run(["hdiutil", "detach", "-force", str(disk)], check=True, capture_output=True)


@contextmanager
def _linux_disk(place: Path, disk: Path) -> Iterator[None]:
    if os.geteuid() != 0 or shutil.which("mkfs.exfat") is None:
        pytest.skip("needs root, and mkfs.exfat of exfatprogs")
    image = place / "disk.img"
    with image.open("wb") as file:
        file.truncate(MEGABYTES << 20)
    _run("mkfs.exfat", str(image))
    device = _run("losetup", "--find", "--show", str(image))
    try:
        if shutil.which("mount.exfat-fuse"):
            _run("mount.exfat-fuse", device, str(disk))
        else:
            _run("mount", "-t", "exfat", device, str(disk))
        try:
            yield
        finally:
            subprocess.run(["umount", str(disk)], check=True, capture_output=True)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True, capture_output=True)


def _run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        pytest.skip(f"{command[0]}: {ended.stderr.strip() or ended.stdout.strip()}")
    return ended.stdout.strip()
