"""What was found when a converted model was tried, before it was published."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was seen of a converted model before it was published.

    ``facts`` were seen to be right, each in words that can follow "Verified:". ``passed``: it was tried, and nothing
    was found. ``skipped`` says why it was not tried, "" when it was.
    """

    passed: bool = False
    facts: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def words(self) -> str:
        """In a line: ``Verified: 21 of 21 tensors as planned, loads, answers 16 tokens``, or why it is not."""
        seen = ", ".join(self.facts)
        if self.passed:
            return f"Verified: {seen}"
        return f"Not verified: {self.skipped}" if self.skipped else f"Not verified. What is right: {seen}"
