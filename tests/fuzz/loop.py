"""Tries one kind of input many times and collects what went wrong.

An input is made of a seed and its number alone, so that both name it. By hand::

    MLX_CONVERT_FUZZ_SEED=2 MLX_CONVERT_FUZZ_INPUTS=50000 pytest tests/fuzz -rP
"""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from mlx_convert_cli.text import printable

from fuzz.watch import Hang, Watch
from mlx_convert_core import MlxConvertError
from mlx_convert_core.base import codec
from mlx_convert_core.errors import ErrorInfo

INPUTS = int(os.environ.get("MLX_CONVERT_FUZZ_INPUTS", "10000"))  # in all kinds together
SEED = os.environ.get("MLX_CONVERT_FUZZ_SEED", "1")
SAMPLED = 1 / 30
DEFECTS = {"unexpected", "plugin_error"}
LONGEST_MESSAGE = 10_000

amounts = pytest.mark.parametrize("amount", ["sampled", pytest.param("whole", marks=pytest.mark.slow)])


@dataclass(frozen=True)
class Case:
    """One input: what it is drawn from, and an empty folder of its own."""

    number: int
    random: Random
    folder: Path


class Fuzz:
    """Tries inputs in ``area``; what failed is kept there, in a folder that its seed and number name."""

    def __init__(self, area: Path, home: Path, amount: str) -> None:
        self._area = area
        self._scale = INPUTS / 10_000 * (SAMPLED if amount == "sampled" else 1)
        outside = area / "outside"
        outside.mkdir()
        (outside / "secret.txt").write_text("secret")
        (outside / "secret.json").write_text("{}")
        self._watch = Watch(area, home, outside)

    def __call__(self, kind: str, inputs: int, attempt: Callable[[Case], Any]) -> None:
        """Have ``attempt`` make ``inputs`` inputs of 10,000 and try each; assert that none failed.

        It returns what a frontend would show or send, or raises one of our errors.
        """
        failures, slowest = [], 0
        tries = max(1, round(inputs * self._scale))
        for number in range(tries):
            case = Case(
                number, Random(f"{kind}/{SEED}/{number}"), self._area / f"{kind}-{SEED}-{number}".replace(" ", "-")
            )
            case.folder.mkdir()
            longest = self._watch.longest
            wrong = self._try(case, attempt)
            slowest = number if self._watch.longest > longest else slowest
            if wrong:
                failures.append(f"seed {SEED}, number {number}: {wrong}\n  kept as {case.folder}")
            else:
                shutil.rmtree(case.folder)
        watch = self._watch
        print(
            f"{kind}: {tries} inputs, {len(failures)} failed; longest {watch.longest:.2f} s (number {slowest}), "
            f"memory +{watch.most_memory / 1e6:.0f} MB"
        )
        told = self._area / "failures.txt"
        told.write_text("\n".join(failures), encoding="utf-8", errors="backslashreplace")
        assert not failures, f"{len(failures)} of {tries} {kind} failed, all in {told}\n" + "\n".join(failures[:10])

    def _try(self, case: Case, attempt: Callable[[Case], Any]) -> str:
        """What was wrong with one input, "" when all was well."""
        try:
            with self._watch.looking():
                try:
                    wrong = _unfit(codec.to_json(attempt(case)).decode())
                except MlxConvertError as error:
                    wrong = _unfit_error(error)
        except Hang as hang:
            wrong = f"took too long{_place(hang)}"
        except Exception as error:
            wrong = f"{type(error).__name__}: {str(error)[:200]}{_place(error)}"
        return wrong or "; ".join(self._watch.faults)


def told(use: Callable[[], Any]) -> Any:
    """What ``use`` gives, or what its error says; one that no person should see is raised, and fails the input."""
    try:
        return use()
    except MlxConvertError as error:
        if _unfit_error(error):
            raise
        return error.message


def _unfit_error(error: MlxConvertError) -> str:
    told = ErrorInfo.of(error)
    if told.code in DEFECTS:
        return f"[{told.code}] {told.message[:300]}{_place(error)}"
    if len(told.message) + len(told.hint) > LONGEST_MESSAGE:
        return f"[{told.code}] a message of {len(told.message) + len(told.hint)} characters: {told.message[:200]}"
    codec.to_json(told)
    return _unfit(told.message + told.hint)


def _unfit(text: str) -> str:
    """Why ``text`` can't be sent, or shown at a terminal; "" if it can."""
    try:
        text.encode()
        printable(text).encode()
    except UnicodeEncodeError as error:
        return f"text that can't be encoded: {str(error)[:200]}"
    return ""


def _place(error: BaseException) -> str:
    """Where an error came from, in our own files."""
    chain, cause = [error], error.__cause__ or error.__context__
    while cause is not None:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    frames = [frame for one in chain[-1:] for frame in traceback.extract_tb(one.__traceback__)]
    ours = [frame for frame in frames if "mlx_convert" in frame.filename] or frames
    return "".join(f"\n  {Path(one.filename).name}:{one.lineno} in {one.name}" for one in ours[-3:])
