"""Findings as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlx_convert_cli.errors import indented, step_lines
from mlx_convert_cli.remedies import next_steps
from mlx_convert_core import Finding
from mlx_convert_core.plugin import worst_first

if TYPE_CHECKING:
    from rich.text import Text

_LOOK = {"error": ("error", "bold red"), "warning": ("warning", "bold yellow"), "info": ("note", "bold")}


def finding_texts(findings: Iterable[Finding]) -> list[Text]:
    """Each finding once, errors first, with its next step on the line below."""
    from rich.text import Text

    texts = []
    for finding in worst_first(dict.fromkeys(findings)):
        label, style = _LOOK[finding.level]
        steps = step_lines(next_steps(finding.hint, finding.remedies))
        said = "\n".join([f": {indented(finding.message)}", *steps])
        texts.append(Text.assemble((f"{label} [{finding.code}]", style), said))
    return texts
