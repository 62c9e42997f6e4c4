"""What tells several models apart: the part of each name in which it differs from the others."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PARTS = re.compile(r"[^-_ ]+[-_ ]*")


def differing(names: Sequence[str]) -> list[str]:
    """``4bit`` and ``8bit`` for ``Llama-3.2-1B-MLX-4bit`` and ``Llama-3.2-1B-MLX-8bit``; all of names that are equal.

    What all have in common at their beginning and end is left out, part by part, but never all of a name.
    """
    if len(set(names)) < 2:
        return list(names)
    parts = [_PARTS.findall(name) or [name] for name in names]
    least = min(len(one) for one in parts) - 1
    first = next((at for at in range(least) if len({one[at] for one in parts}) > 1), least)
    last = next((at for at in range(least - first) if len({_end(one, at) for one in parts}) > 1), least - first)
    return ["".join(one[first : len(one) - last]).strip("-_ ") for one in parts]


def _end(parts: Sequence[str], at: int) -> str:
    return parts[-1 - at].rstrip("-_ ")
