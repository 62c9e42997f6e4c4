"""Files of the home folder, spoiled: each is read as far as it can be, and what comes later is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlx_convert_library.store import JsonLibrary

from fuzz.loop import Case, Fuzz, amounts
from fuzz.mutations import spoiled_json
from fuzz.test_imported_conversations import TALK
from mlx_convert_core import ConvertRequest, JobState, LibraryEntry, MlxConvertError
from mlx_convert_core.base import codec
from mlx_convert_core.plugin import ConversationStore, ConversionQueue, ErrorInfo, QueueItem, SettingsFile

ENTRY = LibraryEntry(
    name="Tiny-MLX-4bit",
    path=Path("/models/Tiny-MLX-4bit"),
    size=123_456,
    bits_per_weight=4.5,
    quantization="4 bit",
    model_type="llama",
    source="org/tiny",
    revision="abc",
    preset="4bit",
    created="2026-01-02T03:04:05+00:00",
    measurements={"perplexity": 12.5},
)
REQUEST = ConvertRequest(
    ref="org/tiny", preset=("4bit", "8bit"), output=("/models/a", "/models/b"), bits=4, revision="main"
)
FAILED = ErrorInfo(kind="SourceError", code="source", message="it can't be read.", hint="Check it.")
ITEMS = [
    QueueItem(id="0a1b2c3d", request=REQUEST, added="2026-01-02T03:04:05+00:00"),
    QueueItem(id="1a1b2c3d", request=REQUEST, state=JobState.FAILED, error=FAILED, ended="2026-01-02T03:04:05+00:00"),
    QueueItem(id="2a1b2c3d", request=REQUEST, state=JobState.RUNNING, started="2026-01-02T03:04:05+00:00"),
    QueueItem(id="3a1b2c3d", request=REQUEST, state=JobState.FINISHED, outputs=(Path("/models/a"), Path("/models/b"))),
]


@amounts
def test_a_spoiled_home_is_read_as_far_as_it_can_be(fuzz: Fuzz) -> None:
    files: dict[str, tuple[Any, Callable[[Path], Iterator[object]]]] = {
        "library.json": ({"schema": 1, "entries": [ENTRY, replace(ENTRY, path=Path("/models/other"))]}, _use_library),
        "settings.json": ({"schema": 1, "output_folder": "models", "preset": "8bit"}, _use_settings),
        "queue.json": ({"schema": 1, "items": ITEMS}, _use_queue),
        f"conversations/{TALK.id}.json": (codec.plain(TALK) | {"schema": 1}, _use_conversations),
    }

    def attempt(case: Case) -> object:
        name = case.random.choice(sorted(files))
        document, use = files[name]
        path = case.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(spoiled_json(case.random, json.loads(codec.to_json(document))))
        return list(use(case.folder))

    fuzz("home files", 1_200, attempt)


def _use_library(home: Path) -> Iterator[object]:
    library = JsonLibrary(home)
    yield library.entries()
    yield library.problem
    new = replace(ENTRY, path=home / "new")
    library.add(new)
    assert new in library.entries()
    library.remove(new.path)
    assert new not in JsonLibrary(home).entries()


def _use_settings(home: Path) -> Iterator[object]:
    settings = SettingsFile(home)
    yield settings.load()
    yield settings.problem
    assert settings.set("preset", "6bit").preset == "6bit"
    yield SettingsFile(home).load()


def _use_queue(home: Path) -> Iterator[object]:
    def never(*asked: object) -> Any:
        raise AssertionError("nothing here is converted")

    queue = ConversionQueue(home, never, never)
    yield queue.items()
    yield queue.problem
    for item in queue.items():
        with suppress(MlxConvertError):
            queue.move(item.id, 0)
            queue.cancel(item.id)
            queue.retry(item.id)
    added = queue.add(ConvertRequest(ref="org/new"))
    assert queue.get(added.id) == added
    yield queue.clear(finished_only=False)
    assert not any(item.id == added.id for item in queue.items())


def _use_conversations(home: Path) -> Iterator[object]:
    store = ConversationStore(home)
    yield store.list()
    yield store.problem
    with suppress(MlxConvertError):
        yield store.rename(TALK.id, "Another title")
        yield store.export(TALK.id, "markdown")
        yield store.export(TALK.id, "json")
    new = store.create("/models/tiny")
    assert store.get(new.id) == new
