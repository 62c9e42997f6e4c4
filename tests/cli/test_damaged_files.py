"""A damaged file of the home folder is said by every command that it concerns, until the next change of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from samples.tiny import write_tiny_llama

Run = Callable[..., Result]


@pytest.mark.parametrize("look", [("queue", "list"), ("library", "list"), ("settings",)])
def test_damage_is_said_until_the_next_change(run: Run, home: Path, tmp_path: Path, look: tuple[str, ...]) -> None:
    model = write_tiny_llama(tmp_path / "tiny", mark="mlx")
    change = {
        "queue": ("queue", "add", model),
        "library": ("library", "scan", model),
        "settings": ("settings", "set", "preset", "8bit"),
    }[look[0]]
    file = home / f"{look[0]}.json"
    file.write_text('{"items": [')
    warnings = [run(*command).stderr for command in (look, look, change, look)]
    [aside] = home.glob(f"{file.name}.damaged-*")
    assert [str(aside) in warning for warning in warnings] == [True, True, True, False]


def test_damaged_conversations_are_said_until_one_is_changed(run: Run, home: Path, parrot: Path) -> None:
    assert run("chat", parrot, input="hello\n").exit_code == 0
    [file] = (home / "conversations").glob("*.json")
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    assert [".damaged-" in run("conversations").stderr for _ in range(2)] == [True, True]
    file.write_bytes(whole)
    assert run("conversations", "rename", file.stem, "Mended").exit_code == 0
    assert ".damaged-" not in run("conversations").stderr
