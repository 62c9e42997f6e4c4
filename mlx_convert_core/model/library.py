"""The library: converted models known here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_convert_core.base.file_names import CONFIG
from mlx_convert_core.model.figures import Measurements
from mlx_convert_core.model.unchanged import stamp

if TYPE_CHECKING:  # who lists models needs none
    from mlx_convert_core.model.fit import Fit


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryEntry:
    """A converted model: where it is, how big (bytes), its average bits per weight, and where it came from.

    ``created`` is an ISO 8601 time in UTC; ``made_here`` is False for folders found by a scan that
    another tool made; ``text_only`` of a model that has lost pictures and sound;
    ``cache`` is what a conversation takes beside it (bytes, as `cache_estimate` tells), 0 where nobody asked;
    ``measurements`` are as in its record: figures, perhaps in groups. ``verified`` is what was seen to be right before
    it was published, () for a model that was not tried or whose files are others by now; ask `still_verified`, for they
    may have changed since (``verified_stamp``).
    """

    name: str
    path: Path
    size: int
    bits_per_weight: float
    quantization: str
    model_type: str = ""
    source: str = ""
    revision: str | None = None
    preset: str = ""
    created: str = ""
    made_here: bool = True
    text_only: bool = False
    cache: int = 0
    verified: tuple[str, ...] = ()
    verified_stamp: str = ""
    measurements: Measurements = field(default_factory=dict)

    @property
    def missing(self) -> bool:
        """Whether the folder has vanished, or can't be looked into."""
        return not os.access(f"{self.path}/{CONFIG}", os.F_OK)  # ten thousand a third faster than by their stat

    def still_verified(self) -> tuple[str, ...]:
        """``verified`` if no file of the model has another size or time of change than when it was looked at."""
        return self.verified if self.verified and stamp(self.path) == self.verified_stamp else ()

    def fit(self, memory: tuple[int, int]) -> Fit:
        """Whether it fits into ``memory``, as `fit.memory_now` tells it. Reads nothing."""
        from mlx_convert_core.model.fit import CONTEXT, Fit

        lent, free = memory
        return Fit(weights=self.size, cache=self.cache, context=CONTEXT, lent=lent, free=free)

    def has(self, words: str) -> bool:
        """Whether every one of ``words`` is found in name, source, quantization or architecture."""
        text = f"{self.name} {self.source} {self.quantization} {self.model_type}{' text only' * self.text_only}".lower()
        return all(word in text for word in words.lower().split())

    def same_make(self, other: LibraryEntry) -> bool:
        """Whether both tell of one model: made at the same time in the same way, whatever became of its name.

        A model without a record is told by its config.json's time and its weights.
        """
        ours, theirs = (
            (one.made_here, one.created, one.preset, one.quantization, one.model_type) for one in (self, other)
        )
        return ours == theirs and (self.made_here or self.bits_per_weight == other.bits_per_weight)
