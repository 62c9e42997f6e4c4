"""The typed metadata of a GGUF file, asked for by key."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, TypeVar

from mlx_convert_core.plugin import CorruptCheckpoint

T = TypeVar("T")
LARGEST = 3.4e38  # about the end of 32-bit floats; a field may hold a 64-bit one


class Fields:
    """The metadata of the file ``name``. Each question raises CorruptCheckpoint when a value is of another type.

    Without a ``default`` a field must be there.
    """

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self.name = name
        self._values = values

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        return self._one(key, str, default)

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number; a list of the same number everywhere counts as that number."""
        found = self._values.get(key, default)
        if isinstance(found, list | memoryview) and len(found) and all(item == found[0] for item in found):
            found = found[0]
        return self._checked(key, found, int)

    def number(self, key: str, default: float | None = None) -> float:
        """A float, in the shortest form that is the stored 32-bit value: 1e-05, not 9.999999747378752e-06."""
        found = self._values.get(key, default)
        value = float(self._checked(key, found, int if isinstance(found, int) else float))
        if not math.isfinite(value):
            raise self._damaged(f"has {value} in the field {key}")
        return _shortest(value)

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        return self._one(key, bool, default)

    def texts(self, key: str) -> list[str]:
        """A list of strings, empty when there is none."""
        return self._list(key, str)

    def integers(self, key: str) -> list[int]:
        """A list of whole numbers, empty when there is none."""
        return self._list(key, int)

    def numbers(self, key: str) -> list[float]:
        """A list of floats, empty when there is none."""
        return [float(value) for value in self._list(key, (int, float))]

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with ``prefix``."""
        return [key for key in self._values if key.startswith(prefix)]

    def _one(self, key: str, kind: type[T], default: T | None) -> T:
        return self._checked(key, self._values.get(key, default), kind)

    def _checked(self, key: str, found: Any, kind: type[T]) -> T:
        if isinstance(found, kind) and not (kind is int and isinstance(found, bool)):
            return found
        what = "lacks the field" if found is None else f"has {str(found)[:60]!r} in the field"
        raise self._damaged(f"{what} {key}")

    def _list(self, key: str, kind: Any) -> list[Any]:
        found = self._values.get(key, [])
        if isinstance(found, memoryview):
            found = found.tolist()
        if isinstance(found, list) and all(isinstance(item, kind) for item in found):
            return found
        raise self._damaged(f"has something else than a list of values in the field {key}")

    def _damaged(self, problem: str) -> CorruptCheckpoint:
        return CorruptCheckpoint(
            f"{self.name} {problem}.",
            hint="The file is damaged or was made by a tool of its own kind. Take another GGUF file of the model.",
            code="gguf_metadata",
        )


def _shortest(value: float) -> float:
    if abs(value) > LARGEST:
        return value
    for digits in range(6, 10):
        short = float(f"{value:.{digits}g}")
        if struct.pack("<f", short) == struct.pack("<f", value):
            return short
    return value
