"""`answers.json`: how a person likes models to answer, by names of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlx_convert_core.base import codec
from mlx_convert_core.base.documents import JsonDocument
from mlx_convert_core.errors import InvalidRequest, MlxConvertError
from mlx_convert_core.model.conversations import ChatSettings

LONGEST = 60  # characters of a name: it stands in a list


class AnswerPresets:
    """A system text and all numbers of a sampler, kept under a name. Safe to use from several threads and programs."""

    def __init__(self, home: Path) -> None:
        self._document = JsonDocument(home / "answers.json")

    def all(self) -> dict[str, ChatSettings]:
        """The settings by name, in the order of the names; what makes no sense is left out, and left alone."""
        found = {}
        for name, stored in sorted(_presets(self._document.read()).items(), key=lambda one: one[0].casefold()):
            try:
                found[name] = codec.from_plain(stored, ChatSettings)
            except (msgspec.ValidationError, MlxConvertError):
                continue
        return found

    def keep(self, name: str, settings: ChatSettings) -> str:
        """Keep ``settings`` as ``name``, instead of what has that name; the name as it is kept.

        Raises InvalidRequest for one that is empty or too long (code ``preset_name``).
        """
        kept = " ".join(name.split())
        if not 0 < len(kept) <= LONGEST:
            raise InvalidRequest(
                f"these settings can't be called {kept!r}." if kept else "these settings have no name.",
                hint=f"Type a name of 1 to {LONGEST} letters.",
                code="preset_name",
            )
        plain = codec.plain(settings)
        self._document.update(lambda document: document.update(presets={**_presets(document), kept: plain}))
        return kept

    def forget(self, name: str) -> None:
        """Keep ``name`` no more; nothing happens where there is none."""

        def change(document: dict[str, Any]) -> None:
            document["presets"] = {one: stored for one, stored in _presets(document).items() if one != name}

        self._document.update(change)


def _presets(document: Mapping[str, Any]) -> dict[str, Any]:
    presets = document.get("presets")
    return {name: one for name, one in presets.items() if isinstance(name, str)} if isinstance(presets, dict) else {}
