"""Files of messages and their translations, in the format that translators' programs read and write (gettext's .po).

https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html; what we don't use is passed over: previous messages
(``#|``), obsolete ones (``#~``), domains. The standard library reads only compiled files, so that each change of a
translator's would have to be built first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FIELD = re.compile(r'(?P<name>msgctxt|msgid_plural|msgid|msgstr)(?:\[\d+\])?\s+"(?P<text>.*)"')
_MORE = re.compile(r'"(?P<text>.*)"')
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message with what is known of it. ``many`` is how English says it of more than one, "" where none is.

    ``said`` is its translation, one for each plural form of the language; of nothing, or of empty texts, while there is
    none. ``places`` are the files that say it, ``comments`` what translators read beside it.
    """

    message: str
    many: str = ""
    said: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    fuzzy: bool = False  # a guess of a translator's program, not looked at yet

    @property
    def translated(self) -> bool:
        """Whether it can be said in that language."""
        return bool(self.said) and all(self.said) and not self.fuzzy


def read(path: Path) -> tuple[Entry, ...]:
    """The entries of the file at ``path``, the first of them its header (of the message "")."""
    blocks = re.split(r"\n\s*\n", path.read_text(encoding="utf-8"))
    return tuple(entry for block in blocks for entry in _entry(block.splitlines()))


def header(entries: tuple[Entry, ...]) -> dict[str, str]:
    """What the header says, by name: ``Language``, ``Plural-Forms`` and so on."""
    text = next((entry.said[0] for entry in entries if not entry.message and entry.said), "")
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _entry(lines: list[str]) -> Iterator[Entry]:
    """The one that a block of lines describes, if it does."""
    texts: list[tuple[str, str]] = []
    for line in lines:
        if found := _FIELD.fullmatch(line.strip()):
            texts.append((found["name"], _plain(found["text"])))
        elif texts and (found := _MORE.fullmatch(line.strip())):
            name, text = texts[-1]
            texts[-1] = (name, text + _plain(found["text"]))
    named = dict(texts)
    if "msgid" in named:
        yield Entry(
            message=named["msgid"],
            many=named.get("msgid_plural", ""),
            said=tuple(text for name, text in texts if name == "msgstr"),
            places=tuple(place for line in lines if line.startswith("#:") for place in line[2:].split()),
            comments=tuple(line for line in lines if line.startswith(("#.", "# ")) or line == "#"),
            fuzzy=any(line.startswith("#,") and "fuzzy" in line for line in lines),
        )


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), text)
