"""The part of docs/architectures.md that the comparison with transformers makes: a column, and why rows differ."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from architectures.transformers_models import COMPARED, NOT_COMPARED

PAGE = Path(__file__).parents[2] / "docs" / "architectures.md"
ROWS = Path(__file__).with_name("transformers_rows.json")
HEADER = "| architecture | equal to transformers | equal to mlx_lm | generates | notes |\n|---|---|---|---|---|\n"
_LINE = re.compile(r"^\| ([\w.-]+) \| (?:[^|]* \| )?([^|]*) \| ([^|]*) \| ([^|]*)\|$", re.MULTILINE)
_BEGIN, _END = "<!-- transformers -->\n", "<!-- /transformers -->"


def with_transformers(page: str) -> str:
    """``page`` with the rows of the last comparison, whatever it said before."""
    content = json.loads(ROWS.read_text(encoding="utf-8"))
    rows: dict[str, Any] = content["rows"]
    page = re.sub(f"{_BEGIN}.*?{_END}", lambda _: f"{_BEGIN}{_told(rows, content['versions'])}{_END}", page, flags=re.S)

    def line(found: re.Match[str]) -> str:
        name, equal, generates, notes = found.groups()
        return f"| {name} | {_cell(name, rows)} | {equal} | {generates} | {_notes(name, notes, rows)} |"

    head, table, body = page.partition(HEADER)
    return head + table + _LINE.sub(line, body)


def _told(rows: dict[str, Any], versions: dict[str, str]) -> str:
    equal = sum(row["equal"] for row in rows.values())
    window = sum("within" in row for row in rows.values())
    return (
        f"{len(rows)} architectures are compared with transformers {versions['transformers']} on torch"
        f" {versions['torch']}: {equal} compute the same logits, and {window} more for a text that fits into\n"
        "the window of their layers. Windows are in play wherever there are any: they are shorter than the text.\n"
    )


def _cell(name: str, rows: dict[str, Any]) -> str:
    if name not in rows:
        return ""
    return "yes" if rows[name]["equal"] else "within the window" if "within" in rows[name] else "**no**"


def _notes(name: str, notes: str, rows: dict[str, Any]) -> str:
    """The notes of a row: what mlx_lm has to do with it stays, what transformers has to do with it is new."""
    kept = notes.strip().partition("transformers: ")[0].rstrip("; ")
    compared = COMPARED.get(name) if name in rows else None
    told = (
        "; ".join(part for part in (compared.why, compared.limit) if part) if compared else NOT_COMPARED.get(name, "")
    )
    return "; ".join(part for part in (kept, told and f"transformers: {told}") if part)
