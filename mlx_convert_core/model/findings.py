"""What preflight, a check or a plugin noticed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlx_convert_core.errors import shortened

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", shortened(self.message))
        object.__setattr__(self, "hint", shortened(self.hint))
