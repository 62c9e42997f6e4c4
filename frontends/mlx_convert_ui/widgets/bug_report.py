"""What a defect's report needs, folded away: nobody has to read a traceback to go on."""

from __future__ import annotations

from mlx_convert_ui.widgets.components import Tag, block
from mlx_convert_ui.words import _


def bug_report(text: str) -> None:
    """A line that opens ``text``, a log with a traceback."""
    with block("advanced", "details").mark("bug-report"):
        with block("", "summary").style("padding: 0"):
            Tag("span", _("Details for a bug report"))
        Tag("div", text, "log", label=_("Details")).props("tabindex=0")
