"""A plugin whose models answer with a token at a steady rate: for the folders that hold a ``ticker.json``.

``rate`` is in tokens a second, ``count`` how many there are; ``text`` is said, word by word, instead of numbered words.
Each of those carries the time at which it was made, so that its way to the screen can be measured.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlx_convert_core import GenerateRequest, GenerateResult
from mlx_convert_core.plugin import Reporter, hookimpl


@hookimpl
def model_runner(path: Path, config: Mapping[str, Any]) -> Ticker | None:
    """Take the folders that say so."""
    asked = path / "ticker.json"
    return Ticker(json.loads(asked.read_text(encoding="utf-8"))) if asked.exists() else None


class Ticker:
    """Implements ModelRunner."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._rate = float(asked["rate"])
        self._count = int(asked.get("count", 0))
        self._text = str(asked.get("text", ""))

    def load(self, report: Reporter) -> None:
        """Nothing to read."""

    def generate(self, request: GenerateRequest, extras: tuple[Any, ...], report: Reporter) -> GenerateResult:
        """Send a piece each time its moment has come, and never fewer than were due."""
        began = time.perf_counter()
        sent: list[str] = []
        for number, piece in enumerate(self._pieces()):
            while (early := began + number / self._rate - time.perf_counter()) > 0:
                report.check_cancelled()
                time.sleep(min(early, 0.1))
            sent.append(piece.replace("{now}", f"{time.time():.4f}"))
            report.token(sent[-1])
        seconds = time.perf_counter() - began
        return GenerateResult(
            text="".join(sent),
            finish_reason="stop",
            prompt_tokens=12,
            generation_tokens=len(sent),
            generation_tokens_per_second=len(sent) / seconds,
            time_to_first_token=0.01,
            peak_memory=1_200_000_000,
        )

    def close(self) -> None:
        """Nothing to let go of."""

    def _pieces(self) -> Iterator[str]:
        if self._text:
            yield from re.findall(r"\s*\S+\s*", self._text)
            return
        for number in range(self._count):
            end = "\n\n" if number % 60 == 59 else " "
            yield f"t{number}:{{now}}{end}"
