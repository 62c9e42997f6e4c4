"""The table of models: as many as there are, of which the browser has those that are on the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from nicegui import run
from nicegui.element import Element

from mlx_convert_core.plugin import Fit, LibraryOrder, kl_divergence, memory_now, units
from mlx_convert_ui import wording
from mlx_convert_ui.state.library_rows import LibraryRow, page_of
from mlx_convert_ui.state.library_view import FIRST, Asked, Group, Line, Shown, looked_at
from mlx_convert_ui.widgets.components import address_of
from mlx_convert_ui.widgets.fitting import fit_reason, fit_words
from mlx_convert_ui.words import _, joined, plural

_NUMBERS = frozenset({"size", "kl"})
_DESCENDING = frozenset({"size", "date"})  # the way that is usual


def columns() -> dict[LibraryOrder, str]:
    """What the columns are called, in the language of the page."""
    return {
        "name": _("Model"),
        "size": _("Size"),
        "quantization": _("Quantization"),
        "kl": _("KL divergence"),
        "date": _("Converted"),
    }


def _words() -> dict[str, Any]:
    """What the table says besides its lines; the browser puts a model's name in the place of {name}."""
    name = "{name}"
    said = {
        "test": _("Test {name}", name=name),
        "upload": _("Upload {name}", name=name),
        "more": _("More for {name}", name=name),
        "forget": _("Forget {name}", name=name),
    }
    of_model = [
        {"key": "test", "label": _("Test"), "icon": "flask-conical"},
        {"key": "upload", "label": "", "icon": "upload", "tip": _("Upload …")},
        {"key": "more", "label": "", "icon": "ellipsis", "tip": _("More"), "menu": True},
    ]
    of_missing = [{"key": "forget", "label": _("Forget"), "icon": "x"}]
    return {
        "table": _("Models"),
        "all": _("Select all models shown"),
        "actions": _("Actions"),
        "pick": _("Select {name}", name=name),
        "pickGroup": _("Select all models made from {name}", name=name),
        "ofModel": [{**one, "said": said[one["key"]]} for one in of_model],
        "ofMissing": [{**one, "said": said[one["key"]]} for one in of_missing],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ListActions:
    """What a person does in the table: sort it, select models, and what a button of a model says."""

    sort: Callable[[LibraryOrder], object]
    selected: Callable[[], object]
    act: Callable[[str, LibraryRow], object]


class ModelList(Element, component="model_list.js"):
    """Shows what `show` is given; ``selected`` holds the folders of the models that are ticked, all of them shown."""

    def __init__(self, actions: ListActions) -> None:
        super().__init__()
        self.selected: set[Path] = set()
        self._actions = actions
        self._shown = Shown()
        self._rows: dict[int, LibraryRow] = {}
        self._numbers: dict[Path, int] = {}  # what a model is called between here and the browser
        self._names: set[str] = set()  # of which there are several
        self._version = 0
        self._place = address_of("")
        self._props["columns"] = [
            {"key": key, "label": label, "number": key in _NUMBERS} for key, label in columns().items()
        ]
        self._props["words"] = _words()
        self.show(Shown(), Asked())
        self.on("need", self._need)
        self.on("sort", lambda event: actions.sort(event.args))
        self.on("pick", self._pick)
        self.on("all", lambda event: self.select(self._shown.rows if event.args else ()))
        self.on("act", self._act)
        self.mark("models")

    def show(self, shown: Shown, asked: Asked) -> None:
        """Show other models, or the same in another order; what is not among them is not selected any more."""
        self._version += 1
        self._shown = shown
        seen: set[str] = set()
        self._names = {row.entry.name for row in shown.rows if row.entry.name in seen or seen.add(row.entry.name)}  # type: ignore[func-returns-value]
        self.selected &= {row.entry.path for row in shown.rows}
        downwards = asked.reverse is not (asked.order in _DESCENDING)
        self._props["view"] = {
            "version": self._version,
            "total": len(shown.lines),
            "found": len(shown.rows),
            "groups": [place for place, line in enumerate(shown.lines) if isinstance(line, Group)],
            "asked": urlencode(asked.params),
            "start": 0,
            "lines": self._drawn(shown.lines[:FIRST]),
            "order": asked.order,
            "direction": "descending" if downwards else "ascending",
            "picked": self._picked(),
        }
        self.update()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The first lines as the browser draws them."""
        return list(self._props["view"]["lines"])

    @property
    def chosen(self) -> tuple[LibraryRow, ...]:
        """The models that are selected, in the order in which they stand."""
        return tuple(row for row in self._shown.rows if row.entry.path in self.selected)

    def select(self, rows: Iterable[LibraryRow]) -> None:
        """Select just these."""
        self.selected = {row.entry.path for row in rows}
        self._mark()

    def button_of(self, row: LibraryRow, what: str) -> str:
        """The CSS selector of a model's button."""
        return f"#{what}-{self._number(row)}"

    async def _need(self, event: Any) -> None:
        version, start, count = (int(event.args[name]) for name in ("version", "start", "count"))
        if version == self._version:
            lines = await run.io_bound(looked_at, self._shown.lines[start : start + min(count, FIRST)])
            if lines is not None and version == self._version:
                self.run_method("take", version, start, self._drawn(lines))

    def _pick(self, event: Any) -> None:
        if event.args["version"] != self._version:
            return
        lines = self._shown.lines[int(event.args["from"]) : int(event.args["to"]) + 1]
        paths = {row.entry.path for line in lines for row in (line.rows if isinstance(line, Group) else (line,))}
        self.selected = self.selected | paths if event.args["on"] else self.selected - paths
        self._mark()

    def _mark(self) -> None:
        self._props["view"]["picked"] = self._picked()  # for whoever draws the page again
        self.run_method("mark", self._picked())
        self._actions.selected()

    def _picked(self) -> list[int]:
        return [self._number(row) for row in self._shown.rows if row.entry.path in self.selected]

    def _act(self, event: Any) -> object:
        row = self._rows.get(int(event.args["id"]))
        return self._actions.act(str(event.args["what"]), row) if row is not None else None

    def _number(self, row: LibraryRow) -> int:
        number = self._numbers.setdefault(row.entry.path, len(self._numbers))
        self._rows[number] = row
        return number

    def _drawn(self, lines: Sequence[Line]) -> list[dict[str, Any]]:
        """The lines as data for the browser."""
        memory = memory_now()
        return [self._group(line) if isinstance(line, Group) else self._row(line, memory) for line in lines]

    def _group(self, group: Group) -> dict[str, Any]:
        models = plural("{count:,} model", "{count:,} models", len(group.rows))
        return {
            "key": f"group {group.source}",
            "ids": [self._number(row) for row in group.rows],
            "name": group.source or _("Source unknown"),
            "about": joined(models, units.size(group.size)),
        }

    def _row(self, row: LibraryRow, memory: tuple[int, int]) -> dict[str, Any]:
        entry, number = row.entry, self._number(row)
        where = str(entry.path) if row.missing or entry.name in self._names else ""
        kl = kl_divergence(entry)
        fit = None if row.missing else entry.fit(memory)
        bits = wording.bits_per_weight(entry.bits_per_weight) if entry.bits_per_weight else ""
        return {
            "key": number,
            "id": number,
            "name": entry.name,
            "cut": wording.cut(entry.name),
            "path": str(entry.path),
            "address": self._place + page_of(entry.path),
            "missing": row.missing,
            "badges": list(_badges(row)),
            "about": joined(where, row.takes, row.origin, row.measured, row.proof),
            "size": _cell(units.size(entry.size), fit=fit),
            "quantization": _cell(entry.quantization, bits),
            "kl": _cell("" if kl is None else f"{kl:.3g}"),
            "date": _cell(wording.date(entry.created)),
        }


def _badges(row: LibraryRow) -> Iterable[Mapping[str, str]]:
    if row.missing:
        yield {"text": _("Missing"), "tone": "warn"}
    elif row.condition == "changed":
        yield {"text": _("Changed"), "tone": "warn"}
    elif row.condition == "damaged":
        yield {"text": _("Damaged"), "tone": "bad"}
    if row.verified:
        yield {"text": _("Verified"), "tone": "ok", "icon": "check"}


def _cell(text: str, more: str = "", *, fit: Fit | None = None) -> dict[str, str | None]:
    if fit is None:
        return {"text": text, "more": more, "verdict": None, "tip": None}
    return {"text": text, "more": fit_words(fit), "verdict": fit.verdict, "tip": fit_reason(fit)}
