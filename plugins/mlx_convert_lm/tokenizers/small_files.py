"""The small files of a checkpoint, which say how text becomes tokens: read once, and distrusted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from mlx_convert_core.plugin import CorruptCheckpoint, file_names, open_regular, read_json, read_regular, regular_files

TOKENIZER = file_names.TOKENIZER
SETTINGS = file_names.TOKENIZER_CONFIG
TEMPLATE = file_names.CHAT_TEMPLATE
TEMPLATE_IN_JSON = file_names.CHAT_TEMPLATE_IN_JSON
MORE_TEMPLATES = file_names.MORE_TEMPLATES
# What a tokenizer is made of where there is no tokenizer.json.
VOCABULARIES = (*file_names.VOCABULARIES, file_names.MERGES)
# What is opened whenever a tokenizer is loaded.
ALWAYS_READ = (
    TOKENIZER, SETTINGS, file_names.SPECIAL_TOKENS, file_names.ADDED_TOKENS, file_names.GENERATION_CONFIG, TEMPLATE,
    TEMPLATE_IN_JSON,
)  # fmt: skip
LIMIT = 400_000_000  # bytes; the largest known tokenizer.json has 35 MB
_LFS_POINTER = b"version https://git-lfs"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class SmallFiles:
    """The files at the root of ``folder`` and its further chat templates; ``change`` has some of them anew."""

    def __init__(self, folder: Path, change: Mapping[str, bytes] | None = None) -> None:
        self.folder = folder
        self._change = dict(change or {})
        self.names = tuple(dict.fromkeys([*_names(folder), *self._change]))

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def data(self, name: str) -> bytes:
        """The bytes of ``name``, b"" when it is not there. Raises CorruptCheckpoint for a link out of the folder."""
        if name in self._change or name not in self.names:
            return self._change.get(name, b"")
        return read_regular(self.folder / name, LIMIT, within=self.folder)

    def start(self, name: str) -> bytes:
        """The first bytes of ``name``: enough to tell a pointer, or a mark, from a file."""
        if name in self._change:
            return self._change[name][: len(_LFS_POINTER)]
        with open_regular(self.folder / name, within=self.folder) as file:
            return file.read(len(_LFS_POINTER))

    def settings(self, name: str) -> dict[str, Any]:
        """The object in the JSON file ``name``, {} when there is none; raises CorruptCheckpoint (``bad_json``)."""
        data = self.data(name)
        if not data:
            return {}
        try:
            found = read_json(data)
        except (ValueError, RecursionError) as error:
            raise not_json(name, error) from None
        if not isinstance(found, dict):
            raise not_json(name, f"it holds a {type(found).__name__}, not an object of settings")
        return found

    def is_pointer(self, name: str) -> bool:
        """Whether ``name`` is a note of Git LFS in place of the file."""
        return self.start(name).startswith(_LFS_POINTER)


def is_vocabulary(name: str) -> bool:
    """Whether a tokenizer can be made of the file ``name``, with others beside it perhaps."""
    return any(fnmatchcase(name, pattern) for pattern in VOCABULARIES)


def check_json(name: str, data: bytes) -> None:
    """Raise CorruptCheckpoint (``bad_json``) unless ``data`` is JSON; nothing is made of it."""
    try:
        msgspec.json.decode(without_mark(data), type=msgspec.Raw)
        return
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        json.loads(data)  # what msgspec does not take, such as NaN
    except (ValueError, RecursionError) as error:
        raise not_json(name, error) from None


def not_json(name: str, why: object) -> CorruptCheckpoint:
    """The error for a file of settings that is none."""
    return CorruptCheckpoint(
        f"{name} is not valid JSON: {str(why).rstrip('.')}.",
        hint=f"The file is damaged or cut. Download {name} again, or copy it from the original model.",
        code="bad_json",
    )


def is_marked(start: bytes) -> bool:
    """Whether a text that begins with ``start`` begins with a byte order mark, which most readers of JSON refuse."""
    return any(start.startswith(mark) for mark, _ in _MARKS)


def without_mark(data: bytes) -> bytes:
    """A text as UTF-8 without a byte order mark; what is no text stays as it is."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding).encode()
            except UnicodeError:
                return data
    return data


def _names(folder: Path) -> Iterator[str]:
    for path in regular_files(folder):
        yield path.name
    more = folder / MORE_TEMPLATES
    if more.is_dir() and not more.is_symlink():
        for path in regular_files(more):
            if path.suffix == ".jinja":
                yield f"{MORE_TEMPLATES}/{path.name}"
