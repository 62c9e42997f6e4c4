"""docs/troubleshooting.md, from the table of codes:

python tests/docs/troubleshooting.py [--write]
"""

from __future__ import annotations

import sys
from pathlib import Path

from mlx_convert_core.explanations import themes

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
HEAD = """# Troubleshooting

An error and a finding have a code, in brackets: `error [too_big]: …`. Here is what each means, and what to do then; the
line below an error says it with your own values. `mlx-convert explain CODE` shows the same in the terminal, `--debug`
adds where it happened, and `mlx-convert doctor` looks at the machine and the installation.

This page is written by `make docs`.
"""


def page() -> str:
    """The whole page: a section for each row, below the title of its theme."""
    parts = [HEAD]
    for theme in themes():
        parts.append(f"## {theme.title}\n")
        for row in theme.rows:
            title = ", ".join(f"`{code}`" for code in row.codes)
            parts.append(f"### {title}\n\n{row.cause}\n\n{row.remedy}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(page(), end="")
