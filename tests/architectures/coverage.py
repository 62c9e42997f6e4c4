"""Print which of mlx-lm's architectures convert to the same bytes as with mlx_lm.convert, and generate.

python tests/architectures/coverage.py [MODEL_TYPE...]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # the package's own folder comes first then, where this file hides coverage.py's package
    sys.path[0] = str(Path(__file__).parents[1])

from architectures.checkpoints import TINY
from architectures.sweep import line, sweep


def main(model_types: Sequence[str], presets: Sequence[str]) -> None:
    """Print a line for each architecture as it is known, then the sums."""
    print(f"{'architecture':24} {'equal':6} {'generates':10} reason if not")
    rows = []
    for row in sweep(model_types, presets):
        rows.append(row)
        print(line(row), flush=True)
    equal, generates = sum(row.equal for row in rows), sum(row.generates for row in rows)
    print(f"\n{len(rows)} architectures: {equal} convert equal to mlx_lm.convert, {generates} generate")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--presets", default="4bit,bf16", help="which of our presets, with commas")
    parser.add_argument("model_types", nargs="*", metavar="MODEL_TYPE", help="default: every one")
    return parser.parse_args()


if __name__ == "__main__":
    options = _options()
    main(options.model_types or sorted(TINY), options.presets.split(","))
