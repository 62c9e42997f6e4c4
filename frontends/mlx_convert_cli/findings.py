"""Findings as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlx_convert_cli.remedies import next_steps
from mlx_convert_core import Finding

if TYPE_CHECKING:
    from rich.text import Text

_LOOK = {"error": ("error", "bold red"), "warning": ("warning", "bold yellow"), "info": ("note", "bold")}
_ORDER = ("error", "warning", "info")


def finding_texts(findings: Iterable[Finding]) -> list[Text]:
    """Each finding once, errors first, with its next step on the line below."""
    from rich.text import Text

    unique = dict.fromkeys(findings)
    texts = []
    for finding in sorted(unique, key=lambda finding: _ORDER.index(finding.level)):
        label, style = _LOOK[finding.level]
        line = Text.assemble((f"{label} [{finding.code}]", style), f": {finding.message}")
        for index, step in enumerate(next_steps(finding.hint, finding.remedies)):
            line.append(f"\n{'        ' if index else '  next: '}{step}")
        texts.append(line)
    return texts
