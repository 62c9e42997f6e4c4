"""Answers with what ``script.json`` in the model's folder says, instead of running the model.

``pieces`` are sent one after the other; ``{prompt}`` in them stands for what was asked, ``{shown}`` for the sizes
of the files that each turn was about. ``finish`` is why the answer ends; one that goes on is given by ``more``.
``senses`` is what the model takes besides text. Before the piece with the number ``hold_at`` it waits for as long as
the home folder holds a file called ``hold``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlx_convert_core import GenerateRequest, GenerateResult
from mlx_convert_core.plugin import Reporter, Sense, hookimpl


@hookimpl
def model_runner(path: Path, config: Mapping[str, Any]) -> Scripted | None:
    """Take the folders that have a script."""
    script = path / "script.json"
    return Scripted(json.loads(script.read_text(encoding="utf-8"))) if script.exists() else None


@hookimpl
def model_senses(path: Path, config: Mapping[str, Any]) -> frozenset[Sense] | None:
    """Say what the script says."""
    script = path / "script.json"
    return frozenset(json.loads(script.read_text(encoding="utf-8")).get("senses", ())) if script.exists() else None


class Scripted:
    """Implements ModelRunner and SensingRunner."""

    def __init__(self, script: Mapping[str, Any]) -> None:
        self._script = script
        self.senses: frozenset[Sense] = frozenset(script.get("senses", ()))

    def load(self, report: Reporter) -> None:
        """Nothing to read."""

    def generate(self, request: GenerateRequest, extras: tuple[Any, ...], report: Reporter) -> GenerateResult:
        """Send the pieces."""
        hold = Path(os.environ["MLX_CONVERT_HOME"]) / "hold"
        turns = request.conversation()
        prompt = turns[-1].content
        shown = " | ".join(" ".join(str(Path(file).stat().st_size) for file in turn.attachments) for turn in turns)
        sent: list[str] = []
        finish = "stop" if request.begun else self._script.get("finish", "stop")
        for number, piece in enumerate(self._script["more" if request.begun else "pieces"]):
            while number == self._script.get("hold_at") and hold.exists():
                report.check_cancelled()
                time.sleep(0.02)
            report.check_cancelled()
            sent.append(piece.replace("{prompt}", prompt).replace("{shown}", shown))
            report.token(sent[-1])
            time.sleep(self._script.get("pause", 0.0))
        return GenerateResult(text="".join(sent), finish_reason=finish, generation_tokens=len(sent))

    def close(self) -> None:
        """Nothing to let go of."""
