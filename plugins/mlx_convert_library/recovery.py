"""What can be saved of a damaged library: its whole entries, the folders it names, and the output folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import SettingsFile, entry_of, expanded, plain, scan
from mlx_convert_library.entries import entry_in, path_of

MAX_TEXT = 20_000_000
PATIENCE = 20  # how often all of the text is gone through in vain; one that lacks its end needs one or two
DEEP = 5_000  # characters that are about the work of finding out that objects lie too deep in each other
_PATH = re.compile(r'"path"\s*:\s*("(?:[^"\\]|\\.)*")')


def recover(damaged: Path, home: Path) -> list[dict[str, Any]]:
    """Objects for the entries that ``damaged`` and the model folders still tell of, each path once."""
    with damaged.open(encoding="utf-8", errors="replace") as file:
        text = file.read(MAX_TEXT)
    found: dict[Path, dict[str, Any]] = {}
    for stored in (*_whole_entries(text), *_named_folders(text), *_output_folder(home)):
        path = path_of(stored)
        if path is not None:
            found.setdefault(path, stored)
    return list(found.values())


def _whole_entries(text: str) -> Iterator[dict[str, Any]]:
    """Every object in the text that is an entry, whatever stands around it."""
    decoder = json.JSONDecoder()
    position, patience = text.find("{"), PATIENCE * len(text)
    while position >= 0 and patience >= 0:
        try:
            stored, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            stored, end = None, error.pos
        except (ValueError, RecursionError):
            stored, end = None, position + DEEP
        if entry_in(stored) is None:
            patience -= end - position
            end = position + 1
        else:
            yield stored
        position = text.find("{", end)


def _named_folders(text: str) -> Iterator[dict[str, Any]]:
    for match in _PATH.finditer(text):
        try:
            entry = entry_of(Path(json.loads(match[1])))
        except (ValueError, OSError):
            continue
        if entry is not None:
            yield plain(entry)


def _output_folder(home: Path) -> Iterator[dict[str, Any]]:
    folder = expanded(SettingsFile(home).load().output_folder)
    if folder.is_dir():
        yield from map(plain, scan(folder))
