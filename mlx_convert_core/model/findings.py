"""What preflight, a check or a plugin noticed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from mlx_convert_core.errors import ErrorInfo, MlxConvertError, shortened
from mlx_convert_core.remedies import Remedies

Level = Literal["error", "warning", "info"]  # the worst first


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something worth knowing before or after a conversion; an ``error`` refuses.

    ``code`` is stable for programs, ``message`` says what was seen, ``hint`` and ``remedies`` the next
    step: a sentence, and what a frontend can offer to do.
    """

    code: str
    level: Level
    message: str
    hint: str = ""
    remedies: Remedies = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", shortened(self.message))
        object.__setattr__(self, "hint", shortened(self.hint))


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """``findings``, what refuses before warnings, and these before notes; otherwise as they stand."""
    return sorted(findings, key=lambda finding: get_args(Level).index(finding.level))


def finding_of(error: MlxConvertError | ErrorInfo) -> Finding:
    """The refusal ``error`` as a finding."""
    return Finding(code=error.code, level="error", message=error.message, hint=error.hint, remedies=error.remedies)


def refusal(code: str, message: str, hint: str = "", remedies: Remedies = ()) -> Finding:
    """A finding that refuses."""
    return Finding(code=code, level="error", message=message, hint=hint, remedies=remedies)
