"""Tells of each touchpoint whether it holds with what is installed."""

from __future__ import annotations

import sys

from mlx_convert_lm.contract import TOUCHPOINTS, all_broken


def main() -> int:
    """Tell of each touchpoint whether it holds; the number of those that do not."""
    broken = dict(all_broken())
    for touchpoint in TOUCHPOINTS:
        told = f"BROKEN: {broken[touchpoint]} ({touchpoint.used_by})" if touchpoint in broken else "holds"
        sys.stdout.write(f"{touchpoint.name}: {told}\n")
    return len(broken)


if __name__ == "__main__":
    sys.exit(main())
