"""Settings for answers that are kept under a name, as every open page offers them."""

from __future__ import annotations

from mlx_convert_core.plugin import AnswerPresets, ChatSettings


class KeptAnswers:
    """One for each server. All but ``version``, which grows with every change, reads a file: call it on a thread."""

    def __init__(self, presets: AnswerPresets) -> None:
        self.version = 0
        self._presets = presets

    def all(self) -> dict[str, ChatSettings]:
        """The settings by name."""
        return self._presets.all()

    def keep(self, name: str, settings: ChatSettings) -> str:
        """Keep ``settings`` as ``name``; the name as it is kept. Raises InvalidRequest."""
        kept = self._presets.keep(name, settings)
        self.version += 1
        return kept

    def forget(self, name: str) -> None:
        """Keep ``name`` no more."""
        self._presets.forget(name)
        self.version += 1
