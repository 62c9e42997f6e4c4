"""Where conversions are killed, and what is wrong with what that left: to be seen, in the library, or told."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core import Workspace
from mlx_convert_core.plugin import RECORD

PROGRAM = str(Path(sys.executable).with_name("mlx-convert"))
PRESETS = ("4bit", "8bit")


@dataclass(frozen=True)
class Place:
    """A folder for outputs, with a home of its own."""

    folder: Path
    source: Path

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The folders that a conversion makes, one for each preset."""
        return tuple(self.folder / "models" / f"out-{preset}" for preset in PRESETS)

    @property
    def home(self) -> Path:
        """The home folder, with the library."""
        return self.folder / "home"

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start a conversion."""
        command = [PROGRAM, "convert", str(self.source), "--json", *options]
        for preset, output in zip(PRESETS, self.outputs, strict=True):
            command += ["--preset", preset, "--output", str(output)]
        environment = os.environ | {"MLX_CONVERT_HOME": str(self.home)}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, cwd=self.folder)


def content(output: Path) -> str:
    """A digest of everything in a converted folder that doesn't change from run to run."""
    digest = hashlib.sha256()
    for path in sorted(output.rglob("*")):
        if path.is_file() and path.name != RECORD:  # that holds the time of its making
            digest.update(f"{path.relative_to(output)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest() if (output / RECORD).is_file() else "incomplete"


def told(out: str, code: int | None) -> list[str]:
    """A program whose worker was killed says so in one last event, unless it was done with it."""
    finals = [line for line in out.splitlines() if '"event":"Job' in line and '"JobStarted"' not in line]
    if len(finals) != 1:
        return [f"{len(finals)} final events"]
    event = json.loads(finals[0])
    right = event["event"] == "JobFinished" if code == 0 else event.get("error", {}).get("code") == "killed"
    return [] if right else [f"exit code {code} with {event['event']}: {reason(out)}"]


def reason(out: str) -> str:
    """The error that a program with --json has told last."""
    error = json.loads(out.splitlines()[-1]).get("error", {}) if out else {}
    return f"[{error.get('code')}] {error.get('message')}" if error else ""


def visible(place: Place, contents: Sequence[str], *, whole: bool = False) -> list[str]:
    """What is wrong with what a person sees beside the output: whole outputs or nothing."""
    folder = place.outputs[0].parent
    found = {path.name: path for path in folder.iterdir()} if folder.exists() else {}
    problems = []
    for output, expected in zip(place.outputs, contents, strict=True):
        if found.pop(output.name, None) is None:
            problems += [f"{output.name} is missing"] if whole else []
        elif content(output) != expected:
            problems.append(f"{output.name} is not what an undisturbed run makes")
    staging = tuple(f".{output.name}.partial-" for output in place.outputs)
    left = [name for name in found if whole or not name.startswith(staging)]
    return problems + [f"{name} is left{' after the next run' if whole else ''}" for name in left]


def library(place: Place, outputs: Sequence[Path], *, whole: bool) -> list[str]:
    """What is wrong with the list of models; ``whole``: each of ``outputs`` must be in it."""
    with Workspace(home=place.home) as workspace:
        known = {entry.path for entry in workspace.library.entries()}
        problem = workspace.library_problem
    missing = [output.name for output in outputs if output.resolve() not in known] if whole else []
    aside = [path.name for path in place.home.glob("*.damaged*")]
    return [
        *[problem] * bool(problem),
        *[f"{name} is not in the library" for name in missing],
        *[f"{name} was moved aside" for name in aside],
    ]


def clear(folder: Path) -> None:
    for old in folder.glob("old-*"):
        for path in sorted(old.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        old.rmdir()
