"""What of the library a page shows: which models, in which order, grouped or not. As data, without a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from mlx_convert_core.plugin import ORDERS, LibraryOrder, LibraryQuery
from mlx_convert_ui.state.library_rows import LibraryRow, size_of

GB = 1e9
FIRST = 50  # lines that come with the page; the browser asks for more, as many at once
# What a person chooses, and what it asks of a model: bytes, and days since it was made.
SIZES: dict[str, tuple[float, float]] = {
    "-1": (0, 1 * GB),
    "1-4": (1 * GB, 4 * GB),
    "4-16": (4 * GB, 16 * GB),
    "16-": (16 * GB, 0),
}
DAYS = {"1": 1, "7": 7, "30": 30, "365": 365}
Condition = Literal["", "there", "missing", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person asked to see; it is kept in the address of the page."""

    words: str = ""
    source: str = ""
    quantization: str = ""
    size: str = ""
    days: str = ""
    condition: Condition = ""
    order: LibraryOrder = "date"
    reverse: bool = False
    grouped: bool = False

    @classmethod
    def of(cls, params: Mapping[str, str]) -> Asked:
        """As an address says it; what makes no sense there is left out."""
        order, condition = params.get("sort", ""), params.get("state", "")
        return cls(
            words=params.get("q", ""),
            source=params.get("source", ""),
            quantization=params.get("quantization", ""),
            size=_known(params.get("size", ""), SIZES),
            days=_known(params.get("days", ""), DAYS),
            condition=condition if condition in get_args(Condition) else "",  # type: ignore[arg-type]
            order=order if order in ORDERS else "date",  # type: ignore[arg-type]
            reverse=params.get("reverse") == "1",
            grouped=params.get("group") == "1",
        )

    @property
    def params(self) -> dict[str, str]:
        """For an address: only what differs from the usual."""
        every = {
            "q": self.words,
            "source": self.source,
            "quantization": self.quantization,
            "size": self.size,
            "days": self.days,
            "state": self.condition,
            "sort": "" if self.order == "date" else self.order,
            "reverse": "1" if self.reverse else "",
            "group": "1" if self.grouped else "",
        }
        return {name: value for name, value in every.items() if value}

    @property
    def filters(self) -> bool:
        """Whether it leaves out anything."""
        return self.plain != Asked(order=self.order, reverse=self.reverse, grouped=self.grouped)

    @property
    def plain(self) -> Asked:
        """The same without blanks around the words."""
        return replace(self, words=self.words.strip())

    def sorted_by(self, order: LibraryOrder) -> Asked:
        """By ``order``; the other way round when it is that already."""
        return replace(self, order=order, reverse=not self.reverse if order == self.order else False)

    @property
    def query(self) -> LibraryQuery:
        """What it asks of entries."""
        larger, smaller = SIZES.get(self.size, (0, 0))
        since = datetime.now(UTC) - timedelta(days=DAYS[self.days]) if self.days else None
        return LibraryQuery(
            words=self.words,
            source=self.source,
            quantization=self.quantization,
            larger_than=larger,
            smaller_than=smaller,
            since=since.isoformat(timespec="seconds") if since else "",
            order=self.order,
            reverse=self.reverse,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The heading above the models that were made of one source, "" for those of which none is known."""

    source: str
    rows: tuple[LibraryRow, ...]

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return size_of(self.rows)


Line = LibraryRow | Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is asked for, line by line; the first ones are looked at already."""

    rows: tuple[LibraryRow, ...] = ()
    lines: tuple[Line, ...] = ()


def shown(rows: Sequence[LibraryRow], asked: Asked) -> Shown:
    """Those of ``rows`` that are asked for. Looks at files: call it on a thread."""
    by_path = {row.entry.path: row for row in rows if _is(row, asked.condition)}
    found = tuple(by_path[entry.path] for entry in asked.query.of(row.entry for row in by_path.values()))
    lines: tuple[Line, ...] = tuple(_in_groups(found)) if asked.grouped else found
    return Shown(rows=found, lines=(*looked_at(lines[:FIRST]), *lines[FIRST:]))


def looked_at(lines: Iterable[Line]) -> list[Line]:
    """The same lines, after a look at each model's files."""
    return [line if isinstance(line, Group) else line.looked_at() for line in lines]


def _in_groups(rows: Sequence[LibraryRow]) -> Iterable[Line]:
    """A heading before the models of each source; a source stands where its first model does."""
    groups: dict[str, list[LibraryRow]] = {}
    for row in rows:
        groups.setdefault(row.entry.source, []).append(row)
    for source, members in groups.items():
        yield Group(source=source, rows=tuple(members))
        yield from members


def counted_by(rows: Iterable[LibraryRow], name: Literal["source", "quantization"]) -> list[tuple[str, int]]:
    """The values of a field, each with how many models have it, the most frequent first."""
    counts = Counter(str(getattr(row.entry, name)) for row in rows)
    counts.pop("", None)
    return counts.most_common()


def _is(row: LibraryRow, condition: Condition) -> bool:
    match condition:
        case "there":
            return not row.missing
        case "missing":
            return row.missing
        case "changed":
            return not row.missing and row.looked_at().condition in ("changed", "damaged")
    return True


def _known(value: str, among: Iterable[str]) -> str:
    return value if value in among else ""
