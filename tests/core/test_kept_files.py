"""Pictures of a conversation: private copies that stay with it, move with it and go with it."""

from __future__ import annotations

import json
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from mlx_convert_core import InvalidRequest
from mlx_convert_core.plugin import Attachment, Conversation, ConversationStore

MODEL = Path("/models/Tiny-MLX-4bit")


@pytest.fixture
def store(home: Path) -> ConversationStore:
    return ConversationStore(home)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "my cat.PNG"
    path.write_bytes(b"a picture")
    return path


@pytest.fixture
def talk(store: ConversationStore, photo: Path) -> Conversation:
    """Show a picture with the first of two questions."""
    begun = store.create(MODEL).with_message("user", "Who is it?", attachments=(Attachment.of(photo),))
    return store.save(begun.with_message("assistant", "A cat.").with_message("user", "Whose?"))


def files(store: ConversationStore) -> list[Path]:
    return [path for path in sorted(store.folder.rglob("*")) if path.is_file() and path.suffix in (".png", ".wav")]


def test_a_picture_is_copied_for_its_owner_alone(store: ConversationStore, talk: Conversation, photo: Path) -> None:
    photo.unlink()
    (kept,) = files(store)
    assert kept.read_bytes() == b"a picture"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert store.get(talk.id) == talk
    (shown,) = talk.messages[0].attachments
    assert (shown.name, shown.path, shown.sense) == ("my cat.PNG", kept, "picture")


def test_each_turn_is_asked_with_its_own_picture(talk: Conversation) -> None:
    turns = talk.request().conversation()
    assert [len(turn.attachments) for turn in turns] == [1, 0, 0]
    assert talk.request().senses == {"picture"}


def test_the_same_picture_is_kept_once(store: ConversationStore, talk: Conversation, photo: Path) -> None:
    store.save(talk.with_message("user", "And again?", attachments=(Attachment.of(photo),)))
    assert len(files(store)) == 1


def test_what_a_branch_shows_is_kept_and_goes_with_it(
    store: ConversationStore, talk: Conversation, tmp_path: Path
) -> None:
    (tmp_path / "says.wav").write_bytes(b"sound")
    louder = store.save(talk.with_message("user", "Hear?", attachments=(Attachment.of(tmp_path / "says.wav"),)))
    assert len(files(store)) == 2
    edited = store.save(louder.edited(0, "Who is this?"))
    assert len(files(store)) == 2
    assert store.get(talk.id).switched(0, -1).messages[-1].attachments == louder.messages[-1].attachments
    store.save(replace(edited, branches=()))
    assert [path.suffix for path in files(store)] == [".png"]
    assert len(store.get(talk.id).messages[0].attachments) == 1


def test_pictures_go_with_their_conversation_alone(store: ConversationStore, talk: Conversation, photo: Path) -> None:
    other = store.save(store.create(MODEL).with_message("user", "Who?", attachments=(Attachment.of(photo),)))
    store.delete(talk.id)
    assert not (store.folder / talk.id).exists()
    assert [path.parent.name for path in files(store)] == [other.id]
    assert photo.exists()


def test_a_home_that_was_moved_has_its_pictures(store: ConversationStore, talk: Conversation, tmp_path: Path) -> None:
    shutil.move(store.folder.parent, tmp_path / "moved")
    moved = ConversationStore(tmp_path / "moved").get(talk.id)
    (shown,) = moved.messages[0].attachments
    assert shown.path.is_relative_to(tmp_path / "moved")
    assert shown.path.read_bytes() == b"a picture"


def test_an_exported_conversation_brings_its_pictures(store: ConversationStore, talk: Conversation) -> None:
    exported = store.export(talk.id, "json")
    assert str(store.folder) not in exported
    store.delete(talk.id)
    (shown,) = store.load(exported).messages[0].attachments
    assert (shown.name, shown.path.read_bytes()) == ("my cat.PNG", b"a picture")
    assert "(picture: my cat.PNG)" in store.export(talk.id, "markdown")


def test_an_imported_conversation_takes_no_file_of_this_machine(
    store: ConversationStore, talk: Conversation, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"mine")
    exported = json.loads(store.export(talk.id, "json"))
    exported["messages"][0]["attachments"] = [{"name": "x.png", "path": str(secret)}]
    assert store.load(json.dumps(exported)).messages[0].attachments == ()
    exported["messages"][0]["attachments"] = [{"name": "x.png", "path": str(secret), "data": "eA=="}]
    (shown,) = store.load(json.dumps(exported)).messages[0].attachments
    assert shown.path.is_relative_to(store.folder)
    assert shown.path.read_bytes() == b"x"


@pytest.mark.parametrize("path", ["../../secret.png", "/etc/passwd", "notes.png", "a" * 32 + ".exe"])
def test_a_stored_conversation_names_its_own_files_only(
    store: ConversationStore, talk: Conversation, path: str
) -> None:
    document = store.folder / f"{talk.id}.json"
    stored = json.loads(document.read_text())
    stored["messages"][0]["attachments"][0]["path"] = path
    document.write_text(json.dumps(stored))
    with pytest.raises(InvalidRequest, match="can't be read") as caught:
        store.get(talk.id)
    assert caught.value.code == "conversation_damaged"


def test_names_of_files_become_a_line_of_text(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"1")
    assert Attachment.of(tmp_path / "a.png", "C:\\photos\\my\n\x1bcat.png").name == "mycat.png"
    assert Attachment.of(tmp_path / "a.png", "/").name == "file"
    assert len(Attachment.of(tmp_path / "a.png", "x" * 500).name) == 100
