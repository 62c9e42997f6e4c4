"""JSON documents in the home folder: whole, locked between processes, never silently lost."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from mlx_convert_core import InvalidRequest
from mlx_convert_core.base import documents
from mlx_convert_core.base.documents import write_atomic
from mlx_convert_core.plugin import JsonDocument, Settings, SettingsFile

COUNT = """
import sys
from pathlib import Path
from mlx_convert_core.plugin import JsonDocument
document = JsonDocument(Path(sys.argv[1]))
for _ in range(50):
    document.update(lambda stored: stored.__setitem__(sys.argv[2], stored.get(sys.argv[2], 0) + 1))
"""


def listed(folder: Path) -> set[str]:
    """The files that stay: locks apart."""
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


def test_a_document_that_is_not_there_is_empty_and_stays_away(tmp_path: Path) -> None:
    assert JsonDocument(tmp_path / "home" / "queue.json").read() == {}
    assert not (tmp_path / "home").exists()


def test_unknown_fields_stay(tmp_path: Path) -> None:
    path = tmp_path / "queue.json"
    path.write_text('{"schema": 1, "of_a_newer_version": {"a": [1, 2]}, "big": 123456789012345678901234567890}')
    JsonDocument(path).update(lambda stored: stored.__setitem__("mine", 1))
    assert json.loads(path.read_text()) == {
        "schema": 1,
        "of_a_newer_version": {"a": [1, 2]},
        "big": 123456789012345678901234567890,
        "mine": 1,
    }


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNT, str(tmp_path / "counts.json")]
    writers = [subprocess.Popen([*command, name]) for name in ("left", "right")]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert JsonDocument(tmp_path / "counts.json").read() == {"schema": 1, "left": 50, "right": 50}
    assert listed(tmp_path) == {"counts.json"}


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"null", b"\xff\xfe{", b"[" * 100_000, b'{"a": NaN}', rb'{"a": "\ud800"}'],
    ids=["empty", "cut short", "list", "null", "not utf-8", "nested too deep", "NaN", "half a character"],
)
def test_a_damaged_file_is_moved_aside_and_told(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "library.json"
    path.write_bytes(damage)
    document = JsonDocument(path)
    assert document.read() == {}
    assert document.moved_aside is not None
    assert document.moved_aside.read_bytes() == damage
    document.update(lambda stored: stored.__setitem__("a", 1))
    assert document.read() == {"schema": 1, "a": 1}


def test_damage_twice_within_a_second_keeps_both_files(tmp_path: Path) -> None:
    path = tmp_path / "library.json"
    kept = []
    for damage in (b"{first", b"{second", b"{third"):
        path.write_bytes(damage)
        document = JsonDocument(path)
        document.read()
        kept.append(document.moved_aside)
    assert [aside.read_bytes() for aside in kept if aside] == [b"{first", b"{second", b"{third"]


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    document = JsonDocument(tmp_path / "queue.json")
    document.update(lambda stored: stored.__setitem__("a", 1))

    def fail(stored: dict[str, Any]) -> None:
        stored["a"] = 2
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        document.update(fail)
    assert document.read()["a"] == 1


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "queue.json"
    path.write_text("old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_text() == "old"
    assert listed(tmp_path) == {"queue.json"}


def test_settings_have_defaults_and_are_kept(tmp_path: Path) -> None:
    settings = SettingsFile(tmp_path)
    assert settings.load() == Settings(output_folder=Path("models"), preset="4bit")
    settings.set("output_folder", tmp_path / "here")
    assert SettingsFile(tmp_path).load() == Settings(output_folder=tmp_path / "here", preset="4bit")


def test_a_setting_of_a_wrong_type_takes_no_other_with_it(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"output_folder": "/data/models", "preset": 8}')
    assert SettingsFile(tmp_path).load() == Settings(output_folder=Path("/data/models"), preset="4bit")


@pytest.mark.parametrize(("name", "value"), [("colour", "red"), ("preset", 8), ("output_folder", None)])
def test_a_setting_that_makes_no_sense_is_refused(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        SettingsFile(tmp_path).set(name, value)
    assert name in caught.value.message
    assert not (tmp_path / "settings.json").exists()


def test_damage_is_news_in_every_program_until_the_next_change(tmp_path: Path) -> None:
    path = tmp_path / "queue.json"
    path.write_text("{")
    found, other = JsonDocument(path), JsonDocument(path)
    assert found.read() == {}
    assert found.began_anew == other.began_anew == found.moved_aside
    other.update(lambda stored: None, mends=True)
    assert found.began_anew == found.moved_aside
    other.update(lambda stored: stored.__setitem__("a", 1))
    assert found.began_anew is other.began_anew is None
    assert found.kept_aside == found.moved_aside
    assert JsonDocument(path).read() == {"schema": 1, "a": 1}


def test_the_change_that_finds_the_damage_leaves_it_news(tmp_path: Path) -> None:
    path = tmp_path / "queue.json"
    path.write_text("{")
    JsonDocument(path).update(lambda stored: stored.__setitem__("a", 1))
    assert JsonDocument(path).began_anew == JsonDocument(path).kept_aside
    JsonDocument(path).update(lambda stored: stored.__setitem__("a", 2))
    assert JsonDocument(path).began_anew is None
    assert listed(tmp_path) == {"queue.json", JsonDocument(path).kept_aside.name}  # type: ignore[union-attr]


def test_a_document_that_is_larger_than_any_is_damaged_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "HOME_BYTES", 100)
    path = tmp_path / "library.json"
    path.write_text(json.dumps({"a": "x" * 200}))
    document = JsonDocument(path)
    assert document.read() == {}
    assert document.moved_aside is not None
    assert json.loads(document.moved_aside.read_bytes()) == {"a": "x" * 200}


def test_a_document_that_is_being_changed_is_deleted_after_the_change(tmp_path: Path) -> None:
    document = JsonDocument(tmp_path / "one.json")
    document.update(lambda stored: stored.update(number=1))
    begun, go_on = threading.Event(), threading.Event()

    def slowly(stored: dict[str, object]) -> None:
        begun.set()
        go_on.wait(60)
        stored["number"] = 2

    changing = threading.Thread(target=JsonDocument(document.path).update, args=(slowly,))
    changing.start()
    begun.wait(60)
    deleting = threading.Thread(target=document.delete)
    deleting.start()
    deleting.join(0.5)
    assert deleting.is_alive()  # it waits: a change that ended later would have brought the document back
    go_on.set()
    changing.join()
    deleting.join()
    assert not document.path.exists()
    with pytest.raises(FileNotFoundError):
        document.delete()
