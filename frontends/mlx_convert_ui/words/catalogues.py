"""The languages that the app speaks, a file each below ``locale/``, and which of them a browser asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Any, Literal

from mlx_convert_ui.words import po
from mlx_convert_ui.words.texts import Texts

LOCALE = Path(__file__).parents[1] / "locale"
FILE = "LC_MESSAGES/mlx_convert_ui.po"
CORE_FILE = "mlx_convert_core.po"  # beside it: what the core and the built-in plugins say
SOURCE = "en"  # the language of the messages themselves
_ISOLATED = "\u2068{}\u2069"  # Unicode's first strong isolate: the direction of a value is its own


def _of_two(count: int) -> int:
    return int(count != 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """How messages are said in a language. ``name`` is the language's own; a missing message is said in English.

    ``form`` numbers the plural form of a count. ``scripts`` are the messages that the browser itself says, ``texts``
    the sentences of the core.
    """

    language: str
    name: str
    direction: Literal["ltr", "rtl"] = "ltr"
    form: Callable[[int], int] = _of_two
    messages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    texts: Texts = field(default_factory=Texts)

    def say(self, message: str, values: Mapping[str, Any]) -> str:
        """``message``, with ``values`` in its places."""
        said = self.messages.get(message)
        return self._fill(said[0] if said else message, values)

    def count(self, one: str, many: str, count: int, values: Mapping[str, Any]) -> str:
        """The message for ``count`` things, which its place ``{count}`` shows."""
        said = self.messages.get(one)
        text = said[self.form(count)] if said else (one, many)[_of_two(count)]
        return self._fill(text, {"count": count, **values})

    def give(self, text: str) -> str:
        """``text`` of the core's or a plugin's, where it is known; the values in it are as they came."""
        said = self.messages.get(text)
        return said[0] if said else self.texts.say(text, self._isolated)

    def join(self, parts: Iterable[str]) -> str:
        """Facts in a line, ``3 models · 1.2 GB``; inside of Arabic each keeps the direction of its own letters."""
        kept = filter(None, parts)
        return " · ".join(map(self._isolated, kept))

    def _fill(self, text: str, values: Mapping[str, Any]) -> str:
        """A name like ``org/model-4bit`` inside of Arabic reads from left to right, and moves nothing around it."""
        if self.direction == "rtl":
            values = {
                name: self._isolated(value) if isinstance(value, str) else value for name, value in values.items()
            }
        return text.format(**values) if values else text

    def _isolated(self, value: str) -> str:
        return _ISOLATED.format(value) if self.direction == "rtl" else value


ENGLISH = Catalogue(language=SOURCE, name="English")


@cache
def languages() -> dict[str, Path]:
    """The file of each language that there is a translation for."""
    return {path.parents[1].name: path for path in sorted(LOCALE.glob(f"*/{FILE}"))}


@cache
def load(language: str) -> Catalogue:
    """The catalogue of ``language``; English when there is none."""
    if language not in languages():
        return ENGLISH
    entries = po.read(languages()[language])
    said = po.header(entries)
    translated = [entry for entry in entries if entry.message and entry.translated]
    return Catalogue(
        language=language,
        name=said["X-Language-Name"],
        direction="rtl" if said.get("X-Direction") == "rtl" else "ltr",
        form=c2py(said["Plural-Forms"].partition("plural=")[2].rstrip(";")),
        messages={entry.message: entry.said for entry in translated},
        scripts={entry.message: entry.said[0] for entry in translated if _in_a_script(entry.places)},
        texts=_texts(languages()[language].with_name(CORE_FILE)),
    )


def _texts(path: Path) -> Texts:
    entries = po.read(path) if path.is_file() else ()
    return Texts((one.message, one.said[0] if one.translated else "") for one in entries if one.message)


def asked_for(header: str) -> str:
    """The language that a browser likes best of those that there are; ``header`` is its Accept-Language."""
    for tag in _liked(header):
        language = tag.partition("-")[0].lower()
        if language == SOURCE or language in languages():
            return language
    return SOURCE


def _liked(header: str) -> Iterable[str]:
    """The tags of an Accept-Language header, the best first; those of weight 0 are not wanted at all."""
    weights: dict[str, float] = {}
    for part in header.split(","):
        tag, _semicolon, weight = part.strip().partition(";q=")
        try:
            weights[tag.strip()] = float(weight) if weight else 1.0
        except ValueError:
            weights[tag.strip()] = 0.0
    return sorted((tag for tag, weight in weights.items() if weight > 0), key=lambda tag: -weights[tag])


def _in_a_script(places: tuple[str, ...]) -> bool:
    return any(place.endswith(".js") for place in places)
