"""What a README says of its model: in the YAML at its top licence, language, tags, and below that in words.

All of it is somebody else's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from os.path import lexists
from pathlib import Path

from mlx_convert_core.base.file_names import CARD
from mlx_convert_core.base.limits import CARD_BYTES, FRONT_MATTER_BYTES
from mlx_convert_core.base.regular_files import open_regular
from mlx_convert_core.errors import CorruptCheckpoint

Value = str | list[str]

_FENCE = "---"
_LINE_END = re.compile(r"\r\n|\r|\n")  # not at form feeds and the like, as splitlines does
_NOTHING = ("", "~", "null", "Null", "NULL")
_MORE = (" ", "\t", "-", "#", "]")  # how a line begins that belongs to the field above it


def read_card(path: Path) -> dict[str, Value]:
    """The fields of the front matter of the README at ``path`` that are text, or lists of text; {} when it has none.

    What else there is (nested fields, aliases) is left out. Text is taken as it is written:
    ``no`` is Norwegian, not False. Each field is read by itself, so that a damaged or huge one (the scores of an
    embedding model have megabytes) takes no other along. Never raises.
    """
    try:
        with open_regular(path, within=path.parent) as file:
            lines = _LINE_END.split(file.read(CARD_BYTES).decode("utf-8-sig", errors="replace"))
    except (OSError, CorruptCheckpoint):
        return {}
    ends = [number for number, line in enumerate(lines) if line.rstrip() == _FENCE][:2]
    if len(ends) < 2 or ends[0] != 0:
        return {}
    found: dict[str, Value] = {}
    left = FRONT_MATTER_BYTES
    for field in _fields(lines[1 : ends[1]]):
        if len(field) <= left:
            left -= len(field)
            found |= _read(field)
    return found


def card_text(folder: Path) -> str:
    """The README of ``folder`` without the YAML at its top; "" where there is none that can be read."""
    path = folder / CARD
    if not lexists(path):
        return ""
    try:
        with open_regular(path, within=folder) as file:
            text = file.read(CARD_BYTES).decode("utf-8-sig", errors="replace")
    except (OSError, CorruptCheckpoint):
        return ""
    lines = text.splitlines()
    if lines[:1] == [_FENCE] and _FENCE in lines[1:]:
        lines = lines[lines.index(_FENCE, 1) + 1 :]
    return "\n".join(lines).strip()


def _fields(lines: list[str]) -> Iterator[str]:
    """The text of each field, with the lines that are indented or listed below it."""
    field: list[str] = []
    for line in lines:
        if line and not line.startswith(_MORE):
            yield "\n".join(field)
            field = []
        field.append(line)
    yield "\n".join(field)


def _read(field: str) -> dict[str, Value]:
    """One field by its name, {} when it is none of ours.

    Only YAML's events are read, nothing is built from them: a tag makes no object, an alias stays unresolved, and
    reading ends at the first thing that is too deep.
    """
    import yaml

    try:
        events = yaml.parse(field, Loader=yaml.SafeLoader)
        opening = [type(next(events)) for _ in range(3)]
        if opening != [yaml.StreamStartEvent, yaml.DocumentStartEvent, yaml.MappingStartEvent]:
            return {}
        name, first = next(events), next(events)
        value = _listed(events) if isinstance(first, yaml.SequenceStartEvent) else _text(first)
        if value is None or not isinstance(next(events), yaml.MappingEndEvent):
            return {}
        key = _text(name)
    except (yaml.YAMLError, ValueError, OverflowError, StopIteration):
        return {}
    return {} if key is None else {key: value}


def _listed(events: Iterator[object]) -> list[str] | None:
    """The texts of a flat list, None when it holds anything else."""
    from yaml import SequenceEndEvent

    found: list[str] = []
    for event in events:
        if isinstance(event, SequenceEndEvent):
            return found
        text = _text(event)
        if text is None:
            return None
        found.append(text)
    return None


def _text(event: object) -> str | None:
    """A scalar as it is written; None for what is none, for null, and for half a character (``\\ud800``)."""
    from yaml import ScalarEvent

    if not isinstance(event, ScalarEvent) or (event.style is None and event.value in _NOTHING):
        return None
    text = str(event.value)
    text.encode()
    return text
