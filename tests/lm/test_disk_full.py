"""A disk that fills up at any moment fails the conversion by name and leaves nothing."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from random_llama import write_llama

from mlx_convert_core import ConvertRequest, InsufficientDisk, Workspace
from mlx_convert_core.plugin import ChooseOutput


def slow(point: int) -> ParameterSet:
    """A point that only `make test-all` tries."""
    return pytest.param(point, marks=pytest.mark.slow)


# A plugin that lets the worker write so many bytes of weights, and then reports a full disk.
FILLING = """
import errno, os
from pathlib import Path

from mlx_convert_core.plugin import hookimpl

left = int(Path(__file__).with_suffix(".bytes").read_text())
write = os.pwrite

def pwrite(handle, data, offset):
    global left
    left -= len(memoryview(data).cast("B"))
    if left < 0:
        raise OSError(errno.ENOSPC, "No space left on device")
    return write(handle, data, offset)

@hookimpl
def on_generate(request):
    return None

if os.environ.get("FILL_THE_DISK"):
    os.pwrite = pwrite
"""
POINTS = 20
SAMPLE = {0, POINTS - 1, *random.Random(4).sample(range(POINTS), 3)}


@pytest.mark.parametrize("point", [point if point in SAMPLE else slow(point) for point in range(POINTS)])
def test_a_disk_that_fills_up_while_weights_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    source = write_llama(tmp_path / "source")
    plugins = tmp_path / "home" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "filling.py").write_text(FILLING)
    (plugins / "filling.bytes").write_text(str(200_000 * point // POINTS))
    with Workspace(home=tmp_path / "home") as workspace:
        monkeypatch.setenv("FILL_THE_DISK", "1")  # for the worker only: this process has loaded the plugin
        job = workspace.convert(ConvertRequest(ref=str(source), preset="4bit", output=tmp_path / "out" / "model"))
        with pytest.raises(InsufficientDisk) as caught:
            job.result()
    assert caught.value.code == "disk_full"
    assert caught.value.remedies == (ChooseOutput(),)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of one megabyte; only root may mount one."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("file systems can't be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_too_small_is_told_before_a_weight_is_read(tmp_path: Path, small_disk: Path) -> None:
    source = write_llama(tmp_path / "source", layers=40)
    with Workspace(home=tmp_path / "home") as workspace:
        job = workspace.convert(ConvertRequest(ref=str(source), preset="8bit", output=small_disk / "model"))
        with pytest.raises(InsufficientDisk) as caught:
            job.result()
    assert caught.value.code == "disk"
    assert list(small_disk.iterdir()) == []


def test_a_real_disk_that_others_fill_meanwhile(tmp_path: Path, small_disk: Path) -> None:
    source = write_llama(tmp_path / "source")
    plugins = tmp_path / "home" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "greedy.py").write_text(
        "from mlx_convert_core.plugin import hookimpl\n"
        "@hookimpl\n"
        "def post_convert(plan, staging):\n"
        "    with open(staging / 'README.md', 'wb') as file:\n"
        "        file.write(bytes(2_000_000))\n"
    )
    with Workspace(home=tmp_path / "home") as workspace:
        job = workspace.convert(ConvertRequest(ref=str(source), preset="4bit", output=small_disk / "model"))
        with pytest.raises(InsufficientDisk):
            job.result()
    assert list(small_disk.iterdir()) == []
