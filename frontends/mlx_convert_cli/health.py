"""What must be right on a machine before a conversion can be: each check with its next step."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from mlx_convert_core import MlxConvertError, Workspace
from mlx_convert_core.plugin import (
    clear_leftover,
    command,
    current_folder_entries,
    expanded,
    free_memory,
    install_command,
    mac_trouble,
    python_command,
    python_environment,
    readable_by_others,
    units,
)

PROBE_SECONDS = 60
GB = 1_000_000_000
LEFT = {
    "unfinished": "{} was not finished",
    "deleted": "{} was not deleted whole",
    "written": "{} was being written",
}
PACKAGES = ("mlx", "mlx-lm", "transformers", "huggingface_hub")
# MLX computes something small, in a process of its own: native code at fault must not end this one.
_PROBE = """
import mlx.core as mx
a = mx.random.normal((64, 64))
b, scales, biases = mx.quantize(a)
mx.eval(mx.quantized_matmul(a, b, scales, biases) + mx.compile(lambda x: x * 2 + 1)(a))
print("the GPU" if mx.default_device() == mx.gpu else "the CPU")
"""


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the report: what was looked at, what was seen, and the next step if there is one."""

    name: str
    state: State
    detail: str
    hint: str = ""


def checks(workspace: Workspace, *, clear: bool = False) -> Iterator[Check]:
    """Every check, the quick ones first; with ``clear`` what killed programs left behind is removed meanwhile."""
    yield _python()
    yield _platform()
    yield _memory()
    yield from (_package(name) for name in PACKAGES)
    if sys.platform == "linux":
        yield _compiler()
    yield _writable("home", workspace.home, "Set MLX_CONVERT_HOME to a folder that you may write in.")
    if readable_by_others(workspace.home):
        yield _open_home(workspace.home)
    output = expanded(workspace.settings.load().output_folder).absolute()
    yield _writable("output folder", output, "mlx-convert settings set output_folder PATH")
    yield _disk(output)
    yield from _plugins(workspace)
    yield from _library(workspace)
    yield from _leftovers(workspace, clear=clear)
    yield _device()


def _python() -> Check:
    detail = f"{platform.python_version()} ({sys.executable})"
    if not current_folder_entries():
        return Check(name="Python", state=State.OK, detail=detail)
    return Check(
        name="Python",
        state=State.WARN,
        detail=f"{detail}; by PYTHONPATH it runs Python files of whatever folder you stand in",
        hint="Take . and empty entries (a colon at an end, or two in a row) out of PYTHONPATH.",
    )


def _platform() -> Check:
    detail = platform.platform()
    trouble = mac_trouble()
    if trouble is not None:
        told = f"{detail}: {trouble.message.rstrip('.')}"
        return Check(name="platform", state=State.FAIL, detail=told, hint=trouble.hint)
    if sys.platform == "darwin":
        return Check(name="platform", state=State.OK, detail=f"{detail}, Apple silicon")
    hint = "Conversions are fine here; answers are slow without a Mac's GPU."
    return Check(name="platform", state=State.WARN, detail=f"{detail}, no Apple silicon", hint=hint)


def _memory() -> Check:
    total, free = psutil.virtual_memory().total, free_memory()
    detail = f"{units.size(free)} of {units.size(total)} free"
    if free < 2 * GB:
        return Check(name="memory", state=State.WARN, detail=detail, hint="Close other apps before you convert.")
    return Check(name="memory", state=State.OK, detail=detail)


def _package(name: str) -> Check:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        hint = install_command(name)
        return Check(name=name, state=State.FAIL, detail="not installed", hint=hint)
    bound = _untested_from(name)
    if bound is not None and _numbers(version) >= _numbers(bound):
        hint = f"If a model is not loaded as it should be: {install_command(f'{name}<{bound}')}"
        detail = f"{version}, newer than mlx-convert was tested with (below {bound})"
        return Check(name=name, state=State.WARN, detail=detail, hint=hint)
    return Check(name=name, state=State.OK, detail=version)


def _untested_from(name: str) -> str | None:
    """The upper bound that mlx-convert's own metadata sets for a package; None when it sets none."""
    pattern = re.compile(rf"{re.escape(name)}(\[\w+\])?[^;]*?<(?P<bound>[\d.]+)", re.IGNORECASE)
    found = map(pattern.match, importlib.metadata.requires("mlx-convert") or ())
    return next((match["bound"] for match in found if match), None)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _compiler() -> Check:
    found = shutil.which("g++")
    if found:
        return Check(name="g++", state=State.OK, detail=found)
    hint = "Install it, for example: sudo apt install g++"
    return Check(name="g++", state=State.FAIL, detail="not found; MLX compiles with it on Linux", hint=hint)


def _writable(name: str, folder: Path, hint: str) -> Check:
    parent = next(place for place in (folder, *folder.parents) if place.exists())
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return Check(name=name, state=State.OK, detail=str(folder))
    return Check(name=name, state=State.FAIL, detail=f"can't write in {parent}", hint=hint)


def _open_home(home: Path) -> Check:
    detail = f"others on this machine may look into {home}: settings, the library, what you convert"
    return Check(name="home", state=State.WARN, detail=detail, hint=command("chmod -R go-rwx", home))


def _disk(folder: Path) -> Check:
    parent = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(parent).free
    detail = f"{units.size(free)} free for {folder}"
    if free < 10 * GB:
        hint = "Free some space, or choose another disk: mlx-convert settings set output_folder PATH"
        return Check(name="disk", state=State.WARN, detail=detail, hint=hint)
    return Check(name="disk", state=State.OK, detail=detail)


def _plugins(workspace: Workspace) -> Iterator[Check]:
    names = ", ".join(plugin.spec.name for plugin in workspace.plugins)
    yield Check(name="plugins", state=State.OK if names else State.FAIL, detail=names or "none")
    workspace.commands()
    for failure in workspace.plugin_failures:
        detail = f"{failure.plugin} is not used: {failure.reason}"
        hint = "Mend, update or remove it."
        yield Check(name="plugin", state=State.WARN, detail=detail, hint=hint)


def _library(workspace: Workspace) -> Iterator[Check]:
    try:
        detail = f"{len(workspace.library.entries())} models"
        problem = workspace.library_problem
    except MlxConvertError as error:
        yield Check(name="library", state=State.WARN, detail=error.message, hint=error.hint)
        return
    if problem:
        yield Check(name="library", state=State.WARN, detail=problem)
    else:
        yield Check(name="library", state=State.OK, detail=detail)


def _leftovers(workspace: Workspace, *, clear: bool) -> Iterator[Check]:
    """Each thing that a killed program left out of sight."""
    found = workspace.leftovers()
    if not found:
        yield Check(name="leftovers", state=State.OK, detail="none")
    for left in found:
        detail = f"{left.place} ({units.size(left.nbytes)}): {LEFT[left.kind].format(left.path.name)}"
        if not clear:
            hint = "Remove it: mlx-convert doctor --clear"
            if left.resumable:
                hint = f"Convert again with --resume to go on with it, or r{hint[1:]}"
            yield Check(name="leftovers", state=State.WARN, detail=detail, hint=hint)
            continue
        try:
            gone = clear_leftover(left)
        except OSError as error:
            yield Check(name="leftovers", state=State.WARN, detail=f"{detail}; can't be removed: {error.strerror}")
        else:
            yield Check(name="leftovers", state=State.OK, detail=f"{'removed' if gone else 'in use again'}: {detail}")


def _device() -> Check:
    """Whether MLX really computes here."""
    try:
        probe = subprocess.run(
            python_command("-c", _PROBE),
            env=python_environment(),
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        detail = f"MLX did not answer within {PROBE_SECONDS} s"
        return Check(name="device", state=State.FAIL, detail=detail, hint="Restart the machine and try again.")
    if probe.returncode == 0:
        return Check(name="device", state=State.OK, detail=f"MLX computes on {probe.stdout.strip()}")
    last = (probe.stderr.strip().splitlines() or [f"exit code {probe.returncode}"])[-1]
    return Check(
        name="device", state=State.FAIL, detail=f"MLX can't compute: {last}", hint=install_command("mlx", again=True)
    )
