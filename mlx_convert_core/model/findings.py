"""What preflight, a check or a plugin noticed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something worth knowing before or after a conversion; an ``error`` refuses.

    ``code`` is stable for programs, ``message`` says what was seen, ``hint`` the next step.
    """

    code: str
    level: Level
    message: str
    hint: str = ""
