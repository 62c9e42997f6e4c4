"""The front matter of a model card, read as far as the tests' cards need it: scalars, lists and block text."""

from __future__ import annotations

import re
from collections.abc import Iterator

FENCE = "---"


def front_matter(text: str) -> dict[str, object]:
    """Return the YAML block at the top of a README as a dict; nested mappings are left out."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != FENCE or FENCE not in (line.strip() for line in lines[1:]):
        return {}
    end = next(i for i, line in enumerate(lines[1:], 1) if line.strip() == FENCE)
    return dict(_entries(lines[1:end]))


def card_tags(card: dict[str, object], quantized: bool) -> list[str]:
    """Return the tags that the Hub derives from a card: licence, language, library, task and base models."""
    tags = [str(tag) for tag in _as_list(card.get("tags"))]
    tags += [str(card[key]) for key in ("library_name", "pipeline_tag") if card.get(key)]
    tags += [str(language) for language in _as_list(card.get("language"))]
    relation = str(card.get("base_model_relation") or ("quantized" if quantized else "finetune"))
    for base in _as_list(card.get("base_model")):
        tags += [f"base_model:{base}", f"base_model:{relation}:{base}"]
    tags += [f"license:{card['license']}"] if card.get("license") else []
    return list(dict.fromkeys(tags))


def _entries(lines: list[str]) -> Iterator[tuple[str, object]]:
    for i, line in enumerate(lines):
        match = re.match(r"([\w-]+):(?:\s+(.*))?$", line)
        if match is None:
            continue
        below = _block(lines[i + 1 :])
        if match[2] in (None, ""):
            yield match[1], [_scalar(item.lstrip()[1:].strip()) for item in below if item.lstrip().startswith("-")]
        elif match[2][0] in "|>":
            yield match[1], "\n".join(item.strip() for item in below)
        else:
            yield match[1], _value(match[2].strip())


def _block(lines: list[str]) -> list[str]:
    """Return the lines that belong to the key above them."""
    end = next((i for i, line in enumerate(lines) if line and line[0] not in " -\t"), len(lines))
    return lines[:end]


def _value(text: str) -> object:
    if text.startswith("[") and text.endswith("]"):
        return [_scalar(item.strip()) for item in text[1:-1].split(",") if item.strip()]
    return _scalar(text)


def _scalar(text: str) -> object:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return {"true": True, "false": False, "null": None}.get(text.lower(), text)


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]
