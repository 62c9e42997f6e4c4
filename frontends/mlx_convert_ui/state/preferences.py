"""What a person likes in this app: the theme, and where uploads usually go. The core's settings are not here."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import JsonDocument


class Theme(StrEnum):
    """Light, dark, or as the system has it."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"

    @property
    def dark(self) -> bool | None:
        """As NiceGUI says it: None follows the system."""
        return {Theme.LIGHT: False, Theme.DARK: True}.get(self)

    @property
    def next(self) -> Theme:
        """The one after this, round and round."""
        order = list(Theme)
        return order[(order.index(self) + 1) % len(order)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What is remembered; uploads are private unless ``upload_public``. ``welcomed``: the first page was shown.

    ``machine_told`` says that somebody has read that this is no Mac with a GPU for it.
    """

    theme: Theme = Theme.SYSTEM
    upload_target: str = "hub"
    upload_public: bool = False
    welcomed: bool = False
    machine_told: bool = False


class PreferencesFile:
    """`ui.json` in the home folder; what is missing or of a wrong type has its default."""

    def __init__(self, home: Path) -> None:
        self._document = JsonDocument(home / "ui.json")
        self._lock = threading.Lock()
        self.current = self._load()

    def set(self, **changes: Any) -> Preferences:
        """Change and keep some; for all tabs and for next time. Writes a file: call it on a thread."""
        with self._lock:
            self.current = replace(self.current, **changes)
            stored = asdict(self.current)
        self._document.update(lambda document: document.update({name: stored[name] for name in changes}))
        return self.current

    def _load(self) -> Preferences:
        stored = self._document.read()
        theme, target, public = (stored.get(name) for name in ("theme", "upload_target", "upload_public"))
        return Preferences(
            theme=Theme(theme) if theme in list(Theme) else Theme.SYSTEM,
            upload_target=target if isinstance(target, str) else "hub",
            upload_public=public is True,
            welcomed=stored.get("welcomed") is True,
            machine_told=stored.get("machine_told") is True,
        )
