"""What is kept between runs is for its owner's eyes, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.plugin import private_folder, readable_by_others, write_recipe


@pytest.fixture(autouse=True)
def _generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_can_look_into_a_home_that_we_make(tmp_path: Path) -> None:
    home = tmp_path / "a" / "home"
    with Workspace(home) as workspace:
        workspace.settings.set("preset", "8bit")
        workspace.queue.add(ConvertRequest(ref="org/model", preset="4bit"))
        workspace.conversations.create(tmp_path)
    kept = [path for path in home.rglob("*") if path.suffix == ".json"]
    assert {path.name for path in kept} >= {"settings.json", "queue.json"}
    assert len(kept) == 3
    assert {mode(path) for path in kept} == {0o600}
    assert {mode(path) for path in (home.parent, home, home / "conversations")} == {0o700}


def test_conversations_of_an_older_version_are_closed_and_its_home_is_told_of(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Workspace(home) as workspace:
        old = workspace.conversations.create(tmp_path)
        for place in (home, home / "conversations", home / "conversations" / f"{old.id}.json"):
            place.chmod(0o755)
        workspace.conversations.rename(old.id, "newer")
    assert mode(home / "conversations") == 0o700
    assert mode(home / "conversations" / f"{old.id}.json") == 0o600
    assert mode(home) == 0o755, "a home that a person chose may be shared on purpose"
    assert readable_by_others(home)
    assert not readable_by_others(home / "conversations")


def test_what_is_made_to_be_shared_can_be_read(tmp_path: Path) -> None:
    write_recipe(tmp_path / "recipe.json", ConvertRequest(ref="org/model", preset="4bit"), str)
    assert mode(tmp_path / "recipe.json") == 0o666


def test_a_file_where_the_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(FileExistsError):
        private_folder(tmp_path / "home")
