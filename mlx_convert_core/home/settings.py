"""The few things that a person sets once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import msgspec

from mlx_convert_core.base import codec
from mlx_convert_core.base.documents import JsonDocument
from mlx_convert_core.base.paths import expanded, spelled
from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.model.quantization import RECOMMENDED

# What the app can speak; "browser" is what the browser asks for. The app's tests hold this beside its translations.
Language = Literal["browser", "en", "ar", "de", "ja"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``output_folder``: where converted models go; ``preset``: the one used when none is named.

    ``language``: what the app speaks.
    """

    output_folder: Path = Path("models")
    preset: str = RECOMMENDED
    language: Language = "browser"


class SettingsFile:
    """`settings.json` in the home folder."""

    def __init__(self, home: Path) -> None:
        self.document = JsonDocument(home / "settings.json")

    def load(self) -> Settings:
        """The settings; what is missing or can't be has its default."""
        stored = self.document.read()
        known = {field.name: stored[field.name] for field in fields(Settings) if _fits(field.name, stored)}
        return codec.from_plain(known, Settings)

    @property
    def problem(self) -> str:
        """What became of a damaged file, until a setting is made anew; "" when nothing is wrong."""
        self.document.read()
        aside = self.document.began_anew
        if aside is None:
            return ""
        return f"the settings were damaged and start anew; the old file is {aside}."

    def set(self, name: str, value: Any) -> Settings:
        """Change one setting; raises InvalidRequest for an unknown name and a value that can't be."""
        names = [field.name for field in fields(Settings)]
        if name not in names:
            raise InvalidRequest(f"there is no setting '{name}'.", hint=f"Use one of: {', '.join(names)}.")
        spelled(Path(str(value)))
        if not _fits(name, {name: value}):
            raise InvalidRequest(f"{name} can't be {str(value)!r}.", hint=_choices(name) or "Nothing was changed.")
        self.document.update(lambda stored: stored.__setitem__(name, codec.plain(value)))
        return self.load()


def _choices(name: str) -> str:
    """What the setting ``name`` can be, where that is a list."""
    choices = get_args(get_type_hints(Settings)[name])
    return f"Use one of: {', '.join(choices)}." if choices else ""


def _fits(name: str, stored: Mapping[str, Any]) -> bool:
    """Whether ``stored`` has a value for the setting ``name``, of the right type, and a path that can be."""
    if name not in stored:
        return False
    try:
        folder = expanded(codec.from_plain({name: stored[name]}, Settings).output_folder)
        if folder.exists() and not folder.is_dir():
            return False
    except (msgspec.ValidationError, InvalidRequest, TypeError, ValueError):
        return False
    return True
