"""What a row of the table is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the code of an error or a finding means, ``cause``, and what to do then, ``remedy``; both whole sentences.

    ``code`` holds several, separated by spaces, where the same is to be said of them.
    """

    code: str
    cause: str
    remedy: str

    @property
    def codes(self) -> tuple[str, ...]:
        """Each code that this explains."""
        return tuple(self.code.split())


@dataclass(frozen=True, slots=True)
class Theme:
    """Explanations that belong together, below a ``title``."""

    title: str
    rows: tuple[Explanation, ...]
