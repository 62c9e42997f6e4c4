"""A set of prompts in a person's file."""

from __future__ import annotations

from mlx_convert_core.base.codec import read_json


def prompts_in(text: str, name: str) -> tuple[str, ...]:
    """The prompts in ``text``, a line each, from a file called ``name``. Raises ValueError, which names the line.

    In a file whose name ends in ``.jsonl`` a line is JSON: a text, which may have lines of its own, or an object with
    ``prompt`` or ``question``, so that tasks will do.
    """
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        raise ValueError(f"{name} has no prompt in it")
    if not name.lower().endswith(".jsonl"):
        return tuple(line.strip() for _, line in lines)
    return tuple(_prompt(line, f"line {number:,} of {name}") for number, line in lines)


def _prompt(line: str, place: str) -> str:
    try:
        found = read_json(line.encode())
    except ValueError as error:
        raise ValueError(f"{place} is no prompt: {error}") from None
    if isinstance(found, dict):
        found = found.get("prompt") or found.get("question")
    if not isinstance(found, str) or not found.strip():
        raise ValueError(f"{place} is no prompt: it is neither a text, nor an object with a prompt or a question")
    return found
