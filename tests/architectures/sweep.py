"""Compare many architectures, each named one ending in a row, whatever native code does to the process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from architectures.checkpoints import TINY

_TESTS = Path(__file__).parents[1]
_STEPS = {
    "write": "writing the checkpoint",
    "reference": "mlx_lm.convert",
    "ours": "mlx-convert",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of an architecture.

    By preset: ``refused``, what mlx_lm.convert itself can't do, and ``ours``, what mlx-convert says to it;
    ``differences`` from what it can; ``silent``, why the converted model makes no token. ``failure`` says
    why nothing of this is known.
    """

    model_type: str
    refused: dict[str, str] = field(default_factory=dict)
    ours: dict[str, str] = field(default_factory=dict)
    differences: dict[str, list[str]] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    generates: bool = False
    failure: str = ""

    @property
    def equal(self) -> bool:
        """Whether all that mlx_lm.convert makes of it is made by mlx-convert, equal in every byte."""
        return not (self.failure or self.refused or self.differences)

    @property
    def reason(self) -> str:
        """What keeps it from being equal, or from generating."""
        refused = [f"mlx_lm.convert to {preset}: {error}" for preset, error in self.refused.items()]
        different = [f"{preset}: {found[0]} ({len(found)} in all)" for preset, found in self.differences.items()]
        silent = [f"{preset} does not run: {error}" for preset, error in self.silent.items()]
        return "; ".join(part for part in (self.failure, *refused, *different, *silent) if part)


def sweep(model_types: Sequence[str], presets: Sequence[str] = ("4bit", "bf16")) -> Iterator[Row]:
    """A row for each of ``model_types``, as it is known. A crash costs its row only."""
    left = list(model_types)
    while left:
        with tempfile.TemporaryDirectory(prefix="mlx-convert-architectures-") as folder:
            code, rows = _run(Path(folder), left, presets)
            yield from rows.values()
            done = len(rows)
            if done < len(left):
                yield _crashed(Path(folder), left[done], code)
                done += 1
            left = left[done:]


def line(row: Row) -> str:
    """A row as a line of the table."""
    equal, generates = ("yes" if yes else "no" for yes in (row.equal, row.generates))
    return f"{row.model_type:24} {equal:6} {generates:10} {notes(row)}".rstrip()


def notes(row: Row) -> str:
    """What keeps a row from being equal or generating, and why its checkpoint has MLX's names, if so."""
    layout = TINY[row.model_type].mlx_layout if row.model_type in TINY else ""
    return "; ".join(part for part in (row.reason, layout and f"(MLX names: {layout})") if part)


def _run(folder: Path, model_types: Sequence[str], presets: Sequence[str]) -> tuple[int, dict[str, Row]]:
    environment = os.environ | {"PYTHONPATH": str(_TESTS), "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
    command = [sys.executable, "-m", "architectures.worker", str(folder), ",".join(presets), *model_types]
    with (folder / "output").open("wb") as output:
        code = subprocess.run(command, env=environment, stdout=output, stderr=output, check=False).returncode
    notes = [note for note in _notes(folder) if note["step"] == "done"]
    return code, {note["model_type"]: _row(note) for note in notes}


def _row(note: dict[str, Any]) -> Row:
    return Row(**{name: value for name, value in note.items() if name != "step"})


def _crashed(folder: Path, model_type: str, code: int) -> Row:
    note = next((note for note in reversed(_notes(folder)) if note["model_type"] == model_type), {"step": "write"})
    end = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    if note["step"] == "generate":
        return replace(_row(note), silent={"one preset": f"{end} in native code"})
    last = (folder / "output").read_text(errors="replace").strip().splitlines()[-1:]
    return Row(model_type=model_type, failure=f"{end} in {_STEPS[note['step']]} {' '.join(last)[:200]}")


def _notes(folder: Path) -> list[dict[str, Any]]:
    path = folder / "rows.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
