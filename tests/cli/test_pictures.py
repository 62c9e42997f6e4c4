"""Pictures in a chat at the terminal: shown with the next message, kept, and refused by who can't see."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from mlx_convert_core.plugin import ConversationStore

Run = Callable[..., Result]
SCRIPTED = Path(__file__).parents[1] / "browser/plugins/scripted.py"


@pytest.fixture
def model(home: Path, tmp_path: Path) -> Path:
    """Give a model that sees, and says the size of what each turn shows."""
    (home / "plugins").mkdir(parents=True)
    shutil.copy(SCRIPTED, home / "plugins")
    return folder_of(tmp_path / "seeing", senses=["picture"])


def folder_of(folder: Path, **script: object) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "toy"}')
    (folder / "script.json").write_text(json.dumps({"pieces": ["[{shown}]"], **script}))
    return folder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "my cat.png"
    path.write_bytes(b"12345")
    return path


def test_a_picture_goes_with_the_next_message_and_stays_where_it_was_shown(
    run: Run, model: Path, photo: Path, home: Path
) -> None:
    ended = run("chat", model, input=f"hello\n/image {photo}\nwho is it?\nand now?\n")
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout.split("\n")[:3] == ["[]", "[ |  | 5]", "[ |  | 5 |  | ]"]
    assert "With the next message: my cat.png." in ended.stderr
    (listed,) = ConversationStore(home).list()
    kept = ConversationStore(home).get(listed.id)
    assert [[file.name for file in turn.attachments] for turn in kept.messages if turn.role == "user"] == [
        [], ["my cat.png"], [],
    ]  # fmt: skip
    photo.unlink()
    again = run("chat", "--continue", listed.id, input="still?\n")
    assert again.stdout.startswith("[ |  | 5 |  |  |  | ]")
    assert "(picture: my cat.png)" in run("conversations", "show", listed.id).stdout


def test_several_pictures_are_named_as_a_terminal_writes_dropped_files(run: Run, model: Path, photo: Path) -> None:
    (photo.parent / "dog.png").write_bytes(b"1")
    dropped = f"{str(photo).replace(' ', chr(92) + ' ')} '{photo.parent}/dog.png'"
    assert run("chat", model, "--no-history", input=f"/image {dropped}\nwho?\n").stdout.startswith("[5 1]")


def test_a_reset_forgets_what_was_to_be_shown(run: Run, model: Path, photo: Path) -> None:
    assert run("chat", model, input=f"/image {photo}\n/reset\nwho?\n").stdout.startswith("[]")


def test_what_is_no_picture_ends_a_talk_from_a_pipe(run: Run, model: Path, photo: Path) -> None:
    for named, why in (("", "no file was named"), (photo.with_suffix(".txt"), "no picture"), ("gone.png", "not there")):
        ended = run("chat", model, input=f"/image {named}\nwho?\n")
        assert (ended.exit_code, ended.stdout) == (2, "")
        assert why in ended.stderr
        assert "error [attachment]" in ended.stderr


@pytest.mark.parametrize("command", [("chat",), ("generate", "who?")], ids=lambda command: command[0])
def test_a_model_for_pictures_names_the_plugin_that_it_lacks(
    run: Run, model: Path, photo: Path, command: tuple[str, ...]
) -> None:
    blind = folder_of(model.parent / "blind")
    (blind / "config.json").write_text('{"model_type": "toy", "vision_config": {"depth": 2}}')
    shown = ["--image", photo] if command[0] == "generate" else []
    ended = run(command[0], blind, *command[1:], *shown, input=f"/image {photo}\nwho?\n")
    assert ended.exit_code == 1
    assert "error [blind]" in ended.stderr
    assert "mlx-convert-vlm" in ended.stderr
    assert " install mlx-convert-vlm" in ended.stderr


def test_a_model_of_text_says_so(run: Run, model: Path, photo: Path) -> None:
    blind = folder_of(model.parent / "blind")
    ended = run("generate", blind, "who?", "--image", photo)
    assert ended.exit_code == 1
    assert "blind takes text alone." in ended.stderr
    assert "install" not in ended.stderr
