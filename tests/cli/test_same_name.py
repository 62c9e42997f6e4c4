"""Two models of one name: no command guesses which of them is meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from samples.tiny import write_tiny_llama

from mlx_convert_core import Workspace

Run = Callable[..., Result]


@pytest.fixture
def twins(home: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Give two folders called ``twin`` that the library knows; the second is the newer one."""
    folders = tuple(write_tiny_llama(tmp_path / place / "twin", mark="mlx") for place in ("desk", "shelf"))
    with Workspace(home=home) as workspace:
        for folder in folders:
            workspace.scan(folder)
    return folders[0], folders[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "twin", "hi"),
        ("chat", "twin"),
        ("compare", "twin", "other", "--prompt", "hi"),
        ("upload", "twin", "--to", "folder:there"),
        ("recipe", "export", "twin"),
        ("library", "show", "twin"),
        ("library", "remove", "twin", "--yes"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_name_of_two_models_is_asked_back(twins: tuple[Path, Path], run: Run, arguments: tuple[str, ...]) -> None:
    asked = run(*arguments)
    assert asked.exit_code == 2
    assert f"error [ambiguous]: 'twin' may mean 2 models: {twins[1]}, {twins[0]}." in asked.stderr
    assert f"next: Give the folder of the one that you mean, such as {twins[1]}\n" in asked.stderr
    assert all(folder.is_dir() for folder in twins)


def test_the_folder_of_one_is_enough(twins: tuple[Path, Path], run: Run) -> None:
    assert str(twins[0]) in run("library", "show", twins[0]).stdout
    assert run("library", "remove", twins[0], "--yes").exit_code == 0
    assert (twins[0].exists(), twins[1].exists()) == (False, True)
    assert str(twins[1]) in run("library", "show", "twin").stdout
