"""Which models of a library are looked at, and in which order: the same for every frontend."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from mlx_convert_core.model.figures import QUALITY
from mlx_convert_core.model.library import LibraryEntry

LibraryOrder = Literal["date", "name", "size", "quantization", "kl"]
ORDERS: tuple[LibraryOrder, ...] = get_args(LibraryOrder)
_NUMBERS = re.compile(r"(\d+)")
_LARGEST_FIRST = frozenset({"date", "size"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryQuery:
    """Models by what is known of them; a field that is empty asks for nothing. Reads no disk.

    ``words`` are as of `LibraryEntry.has`, ``source`` and ``quantization`` as they stand in entries, sizes in bytes,
    ``since`` is an ISO date. ``order``: newest, largest, fewest bits, smallest KL divergence first, names from A on;
    ``reverse`` turns that round. What was not measured comes last, either way.
    """

    words: str = ""
    source: str = ""
    quantization: str = ""
    larger_than: float = 0
    smaller_than: float = 0
    since: str = ""
    order: LibraryOrder = "date"
    reverse: bool = False

    @property
    def asks(self) -> bool:
        """Whether it leaves out anything."""
        return bool(
            self.words.strip()
            or self.source
            or self.quantization
            or self.larger_than
            or self.smaller_than
            or self.since
        )

    def of(self, entries: Iterable[LibraryEntry]) -> tuple[LibraryEntry, ...]:
        """Those of ``entries`` that are asked for, in order."""
        key = _KEYS[self.order]
        keyed = [(key(entry), entry) for entry in entries if self.takes(entry)]
        known = [one for one in keyed if one[0] is not None]
        turned = self.reverse is not (self.order in _LARGEST_FIRST)
        known.sort(key=lambda one: one[0], reverse=turned)
        return (*(entry for _, entry in known), *(entry for found, entry in keyed if found is None))

    def takes(self, entry: LibraryEntry) -> bool:
        """Whether ``entry`` is asked for."""
        return (
            (not self.source or entry.source == self.source)
            and (not self.quantization or entry.quantization == self.quantization)
            and (not self.larger_than or entry.size > self.larger_than)
            and (not self.smaller_than or entry.size < self.smaller_than)
            and (not self.since or entry.created >= self.since)
            and (not self.words or entry.has(self.words))
        )


def kl_divergence(entry: LibraryEntry) -> float | None:
    """Its mean KL divergence from its source in nats, None where it was not measured."""
    group = entry.measurements.get(QUALITY)
    found = group.get("kl_mean") if isinstance(group, dict) else entry.measurements.get("kl_mean")
    return float(found) if isinstance(found, int | float) else None


def _natural(text: str) -> tuple[tuple[int, str], ...]:
    """``model-10`` after ``model-9``."""
    parts = _NUMBERS.split(text.casefold())
    return tuple((int(part) if place % 2 else -1, part) for place, part in enumerate(parts))


_KEYS: dict[LibraryOrder, Callable[[LibraryEntry], Any]] = {
    "date": lambda entry: entry.created,
    "name": lambda entry: _natural(entry.name),
    "size": lambda entry: entry.size,
    "quantization": lambda entry: (entry.bits_per_weight, entry.quantization),
    "kl": kl_divergence,
}
