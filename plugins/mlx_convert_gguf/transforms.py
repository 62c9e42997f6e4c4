"""How a tensor of the checkpoint is made of tensors of the file: what llama.cpp's converter did, undone row by row.

Each transform makes some rows at a time, so that no tensor is held whole but those that have to be turned over. Rows
are all dimensions but the last; a vector has one value in each of its rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float32]
    # Rows ``start`` to ``stop`` of one of the tensors in the file, as a matrix.
    Read = Callable[[int, int, int], Values]


class Transform(Protocol):
    """Makes ``rows`` rows in all; ``unit`` of them belong together, and are asked for together."""

    @property
    def rows(self) -> int:
        """All rows of the tensor in the checkpoint."""

    @property
    def unit(self) -> int:
        """How many of them can't be made apart."""

    def __call__(self, read: Read, start: int, stop: int) -> Values:
        """The rows from ``start`` to ``stop`` of the tensor in the checkpoint."""


@dataclass(frozen=True, slots=True)
class Slice:
    """``rows`` rows from ``first`` on, ``less`` subtracted from each value."""

    rows: int
    first: int = 0
    less: float = 0.0

    @property
    def unit(self) -> int:
        """Every row is made of one."""
        return 1

    def __call__(self, read: Read, start: int, stop: int) -> Values:
        """See Transform."""
        values = read(0, self.first + start, self.first + stop)
        return values - values.dtype.type(self.less) if self.less else values


@dataclass(frozen=True, slots=True)
class Halves:
    """Rows of ``heads`` heads, each with its halves interleaved in the file: even rows are the first half."""

    rows: int
    heads: int

    @property
    def unit(self) -> int:
        """A head."""
        return self.rows // self.heads

    def __call__(self, read: Read, start: int, stop: int) -> Values:
        """See Transform."""
        values = read(0, start, stop)
        return unpermute(values, len(values) // self.unit)


@dataclass(frozen=True, slots=True)
class Transposed:
    """A matrix with rows and columns swapped; it is held whole."""

    rows: int
    columns: int

    @property
    def unit(self) -> int:
        """All of it."""
        return self.rows

    def __call__(self, read: Read, start: int, stop: int) -> Values:
        """See Transform."""
        return read(0, 0, self.columns).T


@dataclass(frozen=True, slots=True)
class PerHead:
    """For each of some heads ``keys`` rows that the first tensor has transposed, then ``values`` rows of the second.

    So DeepSeek's kv_b_proj, which the file has in two parts, is put together again; ``latent`` are its columns.
    """

    heads: int
    keys: int
    values: int
    latent: int

    @property
    def rows(self) -> int:
        """Of all heads."""
        return self.heads * self.unit

    @property
    def unit(self) -> int:
        """A head."""
        return self.keys + self.values

    def __call__(self, read: Read, start: int, stop: int) -> Values:
        """See Transform."""
        import numpy as np

        first, last = start // self.unit, stop // self.unit
        keys = read(0, first * self.latent, last * self.latent).reshape(-1, self.latent, self.keys).swapaxes(1, 2)
        values = read(1, first * self.values, last * self.values).reshape(-1, self.values, self.latent)
        return np.concatenate([keys, values], axis=1).reshape(-1, self.latent)


def unpermute(values: Values, heads: int) -> Values:
    """Put the rows of ``heads`` heads back: llama.cpp has each head's halves interleaved, row by row."""
    rows = values.shape[0]
    return values.reshape(heads, rows // heads // 2, 2, -1).swapaxes(1, 2).reshape(values.shape)
