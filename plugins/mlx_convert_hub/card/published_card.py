"""The README that is sent with a model: ours, with what a person wrote on the other side kept.

Ours are the fields of `front_matter.card_fields` and the text between the two marks of `model_card.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import (
    QUALITY,
    SPEED,
    TASKS,
    Figure,
    entry_of,
    figures_in,
    file_names,
    groups_in,
    is_stale,
    read_record,
    read_regular,
)
from mlx_convert_hub.card.front_matter import TAG, card_fields, front_matter, quoted, split_card, without_fields
from mlx_convert_hub.card.model_card import BEGIN, END, TRUST, USE_BEGIN, USE_END, escaped, use_section
from mlx_convert_hub.card.model_index import FIELD, with_results
from mlx_convert_hub.trouble.seen import one_line

MEASURED_BEGIN = "<!-- mlx-convert: measurements -->"
MEASURED_END = "<!-- mlx-convert: end of measurements -->"
VERIFIED_BEGIN = "<!-- mlx-convert: verified -->"
VERIFIED_END = "<!-- mlx-convert: end of verified -->"
_USE_HEADING = "## How to use it"
MAX_TAGS = 60
_FOR_PROGRAMS = ("text_hash", "weights")  # what of a group a person has no use for
MAX_CARD_BYTES = 5_000_000  # as much as is read of one in a repo


def card_to_send(folder: Path, repo_id: str, there: str | None = None, tags: Iterable[str] = ()) -> str:
    """The README for ``repo_id``, from the one in ``folder`` and the one that is ``there``, which has ``tags``."""
    own = own_card(folder) or _minimal(repo_id)
    lines, body = split_card(own)
    generated = _section(body, BEGIN, END)
    if generated is None:
        return own if there is None else there
    measured = _of_these_weights(folder)
    ours, name = for_repo(generated, repo_id, measured, verified_in(folder)), repo_id.rpartition("/")[2]
    lines = without_fields(lines, (FIELD,))
    if there is None:
        return _joined(with_results(lines, name, measured, ()), body.replace(generated, ours, 1))
    lines_there, body_there = split_card(there)
    block = with_results(_with_tags(lines, tags), name, measured, lines_there)
    block += without_fields(lines_there, {*_names(lines), FIELD})
    return _joined(block, _body(body_there, ours) or body.replace(generated, ours, 1))


def own_card(folder: Path) -> str:
    """The README in ``folder``, "" without one; raises CorruptCheckpoint for what is no file of the folder."""
    try:
        return read_regular(folder / file_names.CARD, MAX_CARD_BYTES, within=folder).decode(errors="replace")
    except FileNotFoundError:
        return ""


def verified_in(folder: Path) -> tuple[str, ...]:
    """What was verified of the model in ``folder``; () where its files are others by now."""
    entry = entry_of(folder)
    return entry.verified if entry is not None else ()


def for_repo(generated: str, repo_id: str, measurements: Any, verified: tuple[str, ...] = ()) -> str:
    """Our text with the repo's name in its title and its commands, with what was measured and what was verified."""
    title = f"# {escaped(repo_id.rpartition('/')[2])}"
    text = re.sub(r"^# .*$", lambda _: title, generated, count=1, flags=re.MULTILINE)
    use = _section(text, USE_BEGIN, USE_END)
    if use is not None:
        text = text.replace(use, use_section(repo_id, own_code=TRUST in use), 1)
    for begin, end in ((VERIFIED_BEGIN, VERIFIED_END), (MEASURED_BEGIN, MEASURED_END)):
        old = _section(text, begin, end)
        if old is not None:
            text = text.replace(f"{old}\n\n", "")
    sections = filter(None, (verified_section(verified), measured_section(measurements)))
    return text.replace(_USE_HEADING, "\n\n".join([*sections, _USE_HEADING]), 1)


def verified_section(facts: tuple[str, ...]) -> str:
    """A line on what was seen when the model was tried, "" when it was not."""
    if not facts:
        return ""
    seen = f"Verified before it was published: {', '.join(map(escaped, facts))}."
    return "\n".join([VERIFIED_BEGIN, seen, VERIFIED_END])


def measured_section(measurements: Any) -> str:
    """A table of the figures in a record, with their intervals in brackets; "" when there are none."""
    if not isinstance(measurements, Mapping):
        return ""
    rows = [row for name, group in groups_in(measurements).items() for row in _rows(name, group)]
    if not rows:
        return ""
    table = ["| what | value |", "|---|---|", *(f"| {escaped(what)} | {escaped(value)} |" for what, value in rows)]
    return "\n".join([MEASURED_BEGIN, "## Measurements", "", *table, MEASURED_END])


def _rows(name: str, group: Mapping[str, Figure]) -> list[tuple[str, str]]:
    """A group's figures, then what is said of them."""
    foreign = name if name not in (QUALITY, TASKS, SPEED) else ""
    figures = [(f"{foreign} {figure.title}".strip(), figure.words) for figure in figures_in(group)]
    texts = [(key, value) for key, value in group.items() if isinstance(value, str) and key not in _FOR_PROGRAMS]
    return [*figures, *((f"{name} {key.replace('_', ' ')}".strip(), value) for key, value in texts)]


def _of_these_weights(folder: Path) -> dict[str, Any]:
    """What was measured of the model in ``folder`` as it is now."""
    record = read_record(folder)
    measured = dict(record.measurements) if record is not None else {}
    return {
        name: group for name, group in measured.items() if not (isinstance(group, Mapping) and is_stale(group, folder))
    }


def _minimal(repo_id: str) -> str:
    """A card for a model that has none."""
    fields = card_fields({}, base_model=None, quantized=False)
    title = f"# {escaped(repo_id.rpartition('/')[2])}"
    return f"{front_matter(fields)}\n{BEGIN}\n{title}\n\n{_USE_HEADING}\n\n{use_section(repo_id)}\n{END}\n"


def _body(there: str, ours: str) -> str:
    """A person's text with our part renewed, "" when there are no words of a person."""
    section = _section(there, BEGIN, END)
    if section is None:
        return f"{there.rstrip()}\n\n{ours}\n" if there.strip() else ""
    return there.replace(section, ours, 1) if there.replace(section, "", 1).strip() else ""


def _section(text: str, begin: str, end: str) -> str | None:
    """The first part of ``text`` between two marks, with them; a mark that stands alone is a person's text."""
    stop = text.find(end)
    while stop >= 0:
        start = text.rfind(begin, 0, stop)
        if start >= 0:
            return text[start : stop + len(end)]
        stop = text.find(end, stop + 1)
    return None


def _joined(lines: Iterable[str], body: str) -> str:
    block = "\n".join(["---", *lines, "---"]) + "\n"
    return block + (body if body.startswith(("\n", "\r")) else f"\n{body}")


def _names(lines: Iterable[str]) -> set[str]:
    return {line.partition(":")[0].strip() for line in lines if line[:1] not in (" ", "\t", "-", "#", "")}


def _with_tags(lines: list[str], tags: Iterable[str]) -> list[str]:
    """Our block, with the other side's ``tags`` after our own."""
    starts = [number for number, line in enumerate(lines) if line.rstrip() == "tags:"]
    if not starts:
        return lines
    end = next((n for n in range(starts[0] + 1, len(lines)) if not lines[n].startswith("-")), len(lines))
    own = {_unquoted(line[1:]) for line in lines[starts[0] + 1 : end]}
    more = [tag for tag in dict.fromkeys(tags) if TAG.fullmatch(tag) and tag not in own][:MAX_TAGS]
    return [*lines[:end], *(f"- {quoted(tag)}" for tag in more), *lines[end:]]


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return one_line(text)
