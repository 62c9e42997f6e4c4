"""Commands to paste: what a hint tells a person to type, with that person's own values in it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def command(fixed: str, *words: str | Path) -> str:
    """``fixed`` as it stands, then each of ``words`` so that a shell reads one word in it and nothing else.

    A path is never taken for an option, a repo id or another's home; one below the home folder begins with ``~/``.
    """
    return " ".join([*filter(None, [fixed]), *map(typed, words)])


def typed(value: str | Path) -> str:
    """``value`` as a word of a command; see `command`."""
    if isinstance(value, str):
        return _quoted(value)
    home = Path.home()
    if value != home and value.is_relative_to(home):
        return f"~/{_quoted(str(value.relative_to(home)))}"
    plain = value.is_absolute() or ("/" in str(value) and str(value)[0].isalnum())
    return _quoted(str(value) if plain else f"./{value}")


def _quoted(text: str) -> str:
    if not text.isprintable():  # a terminal would not show it as it is: bash and zsh read it spelled out
        return f"$'{''.join(map(_spelled, text))}'"
    return f"'{text}'" if text.startswith("=") else shlex.quote(text)  # zsh looks up what follows a "="


def _spelled(mark: str) -> str:
    if mark in "'\\":
        return f"\\{mark}"
    if mark.isprintable():
        return mark
    data = os.fsencode(mark) if "\udc80" <= mark <= "\udcff" else mark.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in data)
