"""What the system refuses is said in words, with the path that it is about, and never called a defect."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlx_convert_core import ConvertRequest, JobState, MlxConvertError, StepStarted, Workspace
from mlx_convert_core.errors import ErrorInfo
from mlx_convert_core.refusals import naming
from mlx_convert_core.writing.write_errors import explained

AddPlugin = Callable[[str, str], Path]
WriteToy = Callable[..., Path]
REFUSED = {
    "EACCES": "file", "EPERM": "file", "EROFS": "file", "ENOTDIR": "file", "EISDIR": "file", "ELOOP": "file",
    "ENOENT": "file", "ETXTBSY": "file", "EBUSY": "file", "ENAMETOOLONG": "name_too_long", "ENOSPC": "disk_full",
    "EDQUOT": "disk_full", "EFBIG": "file_too_large", "EIO": "disk_fault", "ESTALE": "disk_gone",
    "ENOTCONN": "disk_gone", "ENODEV": "disk_gone", "EMFILE": "open_files", "ENFILE": "open_files",
    "EAGAIN": "processes", "ENOMEM": "out_of_memory",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_each_refusal_has_a_code_a_sentence_and_a_next_step(name: str) -> None:
    told = ErrorInfo.of(OSError(getattr(errno, name), "as the system says it", "/a/place"))
    assert told.code == REFUSED[name]
    assert "/a/place" in told.message or name == "ENOMEM"
    assert told.hint
    assert "defect" not in told.hint


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "out_of_memory"),
        (MemoryError("std::bad_alloc"), "out_of_memory"),
        (RuntimeError("[malloc_or_wait] Unable to allocate 123 bytes."), "out_of_memory"),
        (ImportError("libmlx.so: failed to map segment from shared object"), "out_of_memory"),
        (RuntimeError("Symlink loop from '/a/b'"), "file"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "temporary"),
        (OSError(errno.EFBIG, "File too large"), "file_too_large"),
        (OSError(errno.EINVAL, "Invalid argument", "/a/place"), "unexpected"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "unexpected"),
        (KeyError("lost"), "unexpected"),
    ],
)
def test_others_that_are_none_of_ours_and_some_that_may_be(error: Exception, code: str) -> None:
    assert ErrorInfo.of(error).code == code


def test_a_write_that_is_refused_names_its_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full") as caught, naming(tmp_path / "queue.json"):
        raise OSError(errno.ENOSPC, "the disk is full")
    assert ErrorInfo.of(caught.value).message == f"can't use {tmp_path / 'queue.json'}: the disk is full."


@contextmanager
def limited(what: int, to: int) -> Iterator[None]:
    """Set a limit for this process and those that it starts; the hard one stays."""
    before = resource.getrlimit(what)
    resource.setrlimit(what, (to, before[1]))
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGXFSZ, ignored)
        resource.setrlimit(what, before)


def test_a_weight_file_larger_than_the_disk_takes(workspace: Workspace, write_toy: WriteToy, tmp_path: Path) -> None:
    source = write_toy()
    with limited(resource.RLIMIT_FSIZE, 1000), pytest.raises(MlxConvertError) as caught:
        workspace.convert(ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / "out" / "model")).result()
    assert caught.value.code == "file_too_large"
    assert str(tmp_path / "out") in caught.value.message
    assert not (tmp_path / "out").exists()


def test_a_home_on_a_disk_that_takes_nothing(workspace: Workspace, write_toy: WriteToy) -> None:
    request = ConvertRequest(ref=str(write_toy()), preset="bf16")
    with limited(resource.RLIMIT_FSIZE, 10), pytest.raises(OSError, match="large") as caught:
        workspace.queue.add(request)
    told = ErrorInfo.of(caught.value)
    assert told.code == "file_too_large"
    assert str(workspace.home / "queue.json") in told.message


def test_no_memory_is_no_defect(tmp_path: Path) -> None:
    code = f"""
import resource
from mlx_convert_core import *
from mlx_convert_core.plugin import *
with Workspace() as workspace:
    for megabytes in (60, 120, 150, 200):  # for the worker; each is too little at another place
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, -1))
        try:
            workspace.plan(ConvertRequest(ref={str(tmp_path / "tiny")!r}, preset="4bit"))
        except MlxConvertError as error:
            print(error.code)
"""
    from mlx_convert_core.testing import write_tiny_checkpoint

    write_tiny_checkpoint(tmp_path / "tiny")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert set(ended.stdout.split()) == {"out_of_memory"}, ended.stdout + ended.stderr


@pytest.mark.parametrize("moment", ["fetch", "quantize", "check", "publish"])
def test_an_output_folder_that_goes_meanwhile_is_named(
    workspace: Workspace, write_toy: WriteToy, tmp_path: Path, moment: str
) -> None:
    job = workspace.convert(
        ConvertRequest(ref=str(write_toy(convert="linger")), preset="bf16", output=tmp_path / "out" / "model")
    )
    for event in job.events():
        if isinstance(event, StepStarted) and event.step == moment:
            (tmp_path / "out").rename(tmp_path / "elsewhere")
    if job.state is JobState.FINISHED:
        assert moment == "publish"  # it was quicker
        return
    with pytest.raises(MlxConvertError) as caught:
        job.result()
    assert caught.value.code == "output_gone"
    assert str(tmp_path / "out") in caught.value.message


@pytest.mark.parametrize("code", [errno.EROFS, errno.EIO, errno.ESTALE, errno.EFBIG, errno.EMFILE])
def test_what_is_refused_while_a_model_is_written_names_the_folder(tmp_path: Path, code: int) -> None:
    root = tmp_path / ".model.partial-00000000"
    root.mkdir()
    for error in (OSError(code, os.strerror(code)), OSError(code, os.strerror(code), str(root / "output" / "x"))):
        told = explained(tmp_path / "model", root, error)
        assert isinstance(told, MlxConvertError)
        assert str(tmp_path) in told.message
        assert os.strerror(code) in told.message
    other = OSError(code, os.strerror(code), "/source/model.safetensors")
    assert explained(tmp_path / "model", root, other) is other


@pytest.fixture
def starved(add_plugin: AddPlugin) -> None:
    """A plugin that runs out of memory in every conversion; name it before ``workspace``."""
    add_plugin("starved", "@hookimpl\ndef pre_convert(plan):\n    raise MemoryError\n")


@pytest.mark.usefixtures("starved")
def test_no_memory_in_a_plugin_is_not_laid_at_its_door(workspace: Workspace, write_toy: WriteToy) -> None:
    with pytest.raises(MlxConvertError) as caught:
        workspace.plan(ConvertRequest(ref=str(write_toy()), preset="bf16"))
    assert caught.value.code == "out_of_memory"
    assert "starved" not in caught.value.message


def test_the_root_folder_is_no_output(workspace: Workspace, write_toy: WriteToy) -> None:
    plan = workspace.plan(ConvertRequest(ref=str(write_toy()), preset="bf16", output="/"))
    assert "not_replaceable" in {finding.code for finding in plan.errors}


def test_links_in_a_circle_are_told_as_such(workspace: Workspace, write_toy: WriteToy, tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    request = ConvertRequest(ref=str(write_toy()), preset="bf16", output=tmp_path / "circle" / "model")
    job = workspace.convert(request)
    with pytest.raises(MlxConvertError) as caught:
        job.result()
    assert caught.value.code in ("file", "not_writable")
