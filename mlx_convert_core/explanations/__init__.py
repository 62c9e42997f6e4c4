"""The table of every code that an error or a finding of ours has: what it means, and what to do then.

`docs/troubleshooting.md` is made from it (`make docs`), and `mlx-convert explain CODE` reads it. A new code gets a row
in the theme that it belongs to; a test finds codes without a row, and rows without a code.
"""

from __future__ import annotations

from difflib import get_close_matches

from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.explanations.row import Explanation, Theme

__all__ = ["Explanation", "Theme", "explain", "themes"]


def themes() -> tuple[Theme, ...]:
    """The whole table; it is loaded only when somebody asks."""
    from mlx_convert_core.explanations import (
        asking,
        converting,
        fetching,
        formats,
        keeping,
        measuring,
        program,
        sending,
        sources,
        texts,
        verifying,
    )

    parts = (asking, sources, formats, texts, fetching, converting, verifying, measuring, sending, keeping, program)
    return tuple(part.THEME for part in parts)


def explain(code: str) -> Explanation:
    """What ``code`` means. Raises InvalidRequest (code ``no_code``) when it is none of ours, or a plugin's own."""
    rows = {known: row for theme in themes() for row in theme.rows for known in row.codes}
    if code in rows:
        return rows[code]
    close = get_close_matches(code, rows, n=1)
    hint = f"Did you mean {close[0]}?" if close else "A plugin may have codes of its own: see what its author says."
    raise InvalidRequest(f"no error here has the code '{code}'.", hint=hint, code="no_code")
