"""The prompt of a command: an argument, a pipe, or typed."""

from __future__ import annotations

import sys

from mlx_convert_cli.files import read_input
from mlx_convert_cli.output import say
from mlx_convert_core import InvalidRequest


def prompt_text(given: str | None, example: str) -> str:
    """What was given, or standard input for "-" and in a pipe; raises InvalidRequest with the ``example``."""
    if given not in (None, "-"):
        return str(given)
    if given is None and sys.stdin.isatty():
        raise InvalidRequest("the prompt is missing.", hint=f"Give it: {example}", code="empty_prompt")
    if sys.stdin.isatty():
        say("Type the prompt; Ctrl-D ends it.")
    return read_input()
