"""The JSON library: what it keeps, what it survives, and what it never touches."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from mlx_convert_library import library_store
from samples.tiny import write_tiny_llama

from mlx_convert_core import EntryNotFound, LibraryEntry, Workspace
from mlx_convert_core.plugin import LibraryError, LibraryStore

ADD_MANY = """
import sys
from pathlib import Path
from mlx_convert_core import LibraryEntry
from mlx_convert_library import library_store
home, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
for number in range(first, first + count):
    library_store(home).add(
        LibraryEntry(name=f"m{number}", path=Path(f"/m/{number}"), size=1, bits_per_weight=4, quantization="4 bit")
    )
"""


@pytest.fixture
def library(home: Path) -> LibraryStore:
    store = library_store(home)
    assert store is not None
    return store


@pytest.fixture
def mlx_folder(tmp_path: Path) -> Path:
    """A folder as another tool leaves it: MLX weights are told by their mark."""
    return write_tiny_llama(tmp_path / "elsewhere" / "tiny-MLX", mark="mlx")


def entry(name: str, created: str = "2025-01-01T00:00:00+00:00", **values: object) -> LibraryEntry:
    return LibraryEntry(
        name=name,
        path=Path(f"/models/{name}"),
        size=1000,
        bits_per_weight=4.5,
        quantization="4 bit",
        created=created,
        **values,  # type: ignore[arg-type]
    )


def test_newest_entry_comes_first(library: LibraryStore) -> None:
    library.add(entry("middle", "2025-06-01T00:00:00+00:00"))
    library.add(entry("new", "2025-12-01T00:00:00+00:00"))
    library.add(entry("old", "2025-01-01T00:00:00+00:00"))
    assert [found.name for found in library.entries()] == ["new", "middle", "old"]


def test_entries_of_one_moment_come_last_added_first(library: LibraryStore) -> None:
    for name in ("first", "second"):
        library.add(entry(name))
    assert [found.name for found in library.entries()] == ["second", "first"]


def test_entry_comes_back_as_it_was(library: LibraryStore, home: Path) -> None:
    added = entry("whole", measurements={"perplexity": 9.5}, revision="abc", made_here=False)
    library.add(added)
    fresh = library_store(home)
    assert fresh is not None
    assert fresh.entries() == (added,)


def test_same_path_replaces(library: LibraryStore) -> None:
    library.add(entry("one"))
    library.add(replace(entry("one"), bits_per_weight=8.5))
    assert [found.bits_per_weight for found in library.entries()] == [8.5]


def test_remove_forgets_and_deletes_no_file(library: LibraryStore, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    library.add(replace(entry("kept"), path=tmp_path))
    library.remove(tmp_path)
    assert library.entries() == ()
    assert (tmp_path / "config.json").exists()


def test_removing_what_is_not_there_says_so(library: LibraryStore) -> None:
    with pytest.raises(EntryNotFound, match="nowhere"):
        library.remove(Path("/nowhere"))


def test_vanished_folder_is_shown_as_missing(library: LibraryStore, mlx_folder: Path) -> None:
    with Workspace() as workspace:
        workspace.scan(mlx_folder)
        assert not workspace.find("tiny-MLX").missing
        shutil.rmtree(mlx_folder)
        assert workspace.find("tiny-MLX").missing


def test_unknown_fields_stay(library: LibraryStore, home: Path) -> None:
    library.add(entry("mine"))
    file = home / "library.json"
    document = json.loads(file.read_text())
    document["colour"] = "green"
    document["entries"][0]["note"] = "the good one"
    file.write_text(json.dumps(document))
    library.add(replace(entry("mine"), size=5))
    library.add(entry("other"))
    document = json.loads(file.read_text())
    assert document["colour"] == "green"
    assert document["entries"][0]["note"] == "the good one"
    assert document["entries"][0]["size"] == 5


@pytest.mark.parametrize(
    "wrong", [7, "text", None, [], {}, {"path": 3}, {"name": "half"}, {"path": "/x", "size": "big"}]
)
def test_entry_of_wrong_shape_is_skipped_and_kept(library: LibraryStore, home: Path, wrong: object) -> None:
    library.add(entry("good"))
    file = home / "library.json"
    document = json.loads(file.read_text())
    document["entries"].append(wrong)
    file.write_text(json.dumps(document))
    assert [found.name for found in library.entries()] == ["good"]
    assert "1 of 2 entries" in library.problem  # type: ignore[attr-defined]
    library.add(entry("next"))
    assert wrong in json.loads(file.read_text())["entries"]


def test_entries_that_are_no_list_are_not_fatal(library: LibraryStore, home: Path) -> None:
    (home / "library.json").write_text('{"entries": 5}')
    assert library.entries() == ()
    library.add(entry("good"))
    assert [found.name for found in library.entries()] == ["good"]


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00", b"not json", b"[1, 2]", b"[" * 100_000, b'{"entries": ['])
def test_damaged_file_is_moved_aside_and_reported(library: LibraryStore, home: Path, damage: bytes) -> None:
    (home / "library.json").write_bytes(damage)
    assert library.entries() == ()
    [aside] = home.glob("library.json.damaged-*")
    assert aside.read_bytes() == damage
    with Workspace() as workspace:
        assert workspace.library.entries() == ()
        assert str(aside) in workspace.library_problem
    assert str(aside) in library.problem  # type: ignore[attr-defined]
    library.add(entry("next"))
    assert library.problem == ""  # type: ignore[attr-defined]


def test_whole_entries_of_a_damaged_file_are_kept(library: LibraryStore, home: Path) -> None:
    for name in ("first", "second", "third"):
        library.add(entry(name, measurements={"perplexity": 3.0}))
    file = home / "library.json"
    text = file.read_text()
    file.write_text(text[: text.index("third")])
    assert {found.name for found in library.entries()} == {"first", "second"}
    assert all(found.measurements == {"perplexity": 3.0} for found in library.entries())


def test_objects_deep_in_each_other_are_not_searched_for_ever(library: LibraryStore, home: Path) -> None:
    """Each of a million begins like an entry, and is given up only a thousand levels further down."""
    library.add(entry("a"))
    text = (home / "library.json").read_text()
    (home / "library.json").write_text(text.rstrip().removesuffix("}") + ', "more": ' + '{"a":' * 1_000_000)
    assert [found.name for found in library.entries()] == ["a"]


def test_damaged_file_is_rebuilt_from_the_folders_it_names(library: LibraryStore, home: Path, mlx_folder: Path) -> None:
    named = json.dumps({"entries": [{"name": "tiny", "path": str(mlx_folder), "size": 5}]})
    (home / "library.json").write_text(named[: named.index('"size')])
    [found] = library.entries()
    assert found.path == mlx_folder
    assert "1 models were found" in library.problem  # type: ignore[attr-defined]


def test_damaged_file_is_rebuilt_from_the_output_folder(home: Path, mlx_folder: Path) -> None:
    with Workspace() as workspace:
        workspace.settings.set("output_folder", str(mlx_folder.parent))
        (home / "library.json").write_text("garbage")
        assert [found.path for found in workspace.library.entries()] == [mlx_folder]
        assert "library.json was damaged" in workspace.library_problem


def test_adding_to_a_damaged_file_loses_nothing_that_can_be_saved(library: LibraryStore, home: Path) -> None:
    library.add(entry("before"))
    file = home / "library.json"
    file.write_text(file.read_text()[:-3])
    library.add(entry("after"))
    assert {found.name for found in library.entries()} == {"before", "after"}


def test_rebuild_that_was_interrupted_is_taken_up(library: LibraryStore, home: Path) -> None:
    library.add(entry("saved"))
    (home / "library.json").rename(home / "library.json.damaged-20250101-000000")
    assert [found.name for found in library.entries()] == ["saved"]


def test_processes_that_write_at_once_lose_no_entry(library: LibraryStore, home: Path) -> None:
    command = [sys.executable, "-c", ADD_MANY, str(home)]
    writers = [subprocess.Popen([*command, str(first), "15"]) for first in (0, 100, 200)]
    for number in range(15):
        library.add(entry(f"ours{number}"))
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    expected = {f"m{first + number}" for first in (0, 100, 200) for number in range(15)}
    assert {found.name for found in library.entries()} == expected | {f"ours{number}" for number in range(15)}


def test_processes_that_meet_a_damaged_file_at_once_lose_no_entry(library: LibraryStore, home: Path) -> None:
    library.add(entry("before"))
    file = home / "library.json"
    file.write_text(file.read_text()[:-3])
    command = [sys.executable, "-c", ADD_MANY, str(home)]
    writers = [subprocess.Popen([*command, str(first), "3"]) for first in (0, 100, 200)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    expected = {f"m{first + number}" for first in (0, 100, 200) for number in range(3)}
    assert {found.name for found in library.entries()} == expected | {"before"}
    assert len(list(home.glob("library.json.damaged-*"))) == 1


def test_unreadable_library_is_our_error_with_a_next_step(library: LibraryStore, home: Path) -> None:
    (home / "library.json").mkdir()
    with pytest.raises(LibraryError) as caught:
        library.add(entry("any"))
    assert caught.value.code == "library_file"
    assert str(home) in caught.value.hint
