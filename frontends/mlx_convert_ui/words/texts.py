"""Sentences of the core and its plugins, found again by what they say: which template made one, and of which values.

An error or a finding is an English sentence with values in it, wherever it comes from: another process, a file, a
plugin. A template is that sentence with places: ``{name} has no tokenizer file.`` Values may be anything that a
stranger has written; they are cut out, never read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
LONGEST = 20_000  # characters; the core shortens its own texts to far less
SENTENCES = 6  # at most, of a text that is said one by one
_END = re.compile(r"[.?!] ")


def literals_of(template: str) -> tuple[str, ...]:
    """What stands before, between and after the places of ``template``."""
    return tuple(PLACE.split(template)[::2])


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with places; ``said`` is its translation, "" where there is none."""

    literals: tuple[str, ...]
    names: tuple[str, ...]
    said: str

    @classmethod
    def of(cls, message: str, said: str) -> Template:
        """The template that ``message`` writes out."""
        return cls(literals_of(message), tuple(PLACE.findall(message)), said)

    @property
    def weight(self) -> int:
        """How much of it is its own: the more, the less it fits by chance."""
        return sum(map(len, self.literals))

    def fits(self, text: str) -> bool:
        """Whether ``text`` may be made by it."""
        return self._cuts(text, from_end=False) is not None

    def values(self, text: str) -> dict[str, str] | None:
        """The value of each place in ``text``; None where it does not fit, or would in more than one way."""
        cuts = self._cuts(text, from_end=False)
        if cuts is None or cuts != self._cuts(text, from_end=True):
            return None
        return {name: text[start:end] for name, (start, end) in zip(self.names, cuts, strict=True)}

    def _cuts(self, text: str, *, from_end: bool) -> list[tuple[int, int]] | None:
        """Where each value begins and ends, as near to the beginning of ``text``, or to its end, as can be."""
        first, *between, last = self.literals
        start, end = len(first), len(text) - len(last)
        if start > end or not text.startswith(first) or not text.endswith(last):
            return None
        places = [start, end]
        for literal in reversed(between) if from_end else between:
            at = text.rfind(literal, start, places[1]) if from_end else text.find(literal, places[-2], end)
            if at < 0:
                return None
            if from_end:
                places[1:1] = [at, at + len(literal)]
            else:
                places[-1:-1] = [at, at + len(literal)]
        return [*zip(places[::2], places[1::2], strict=True)]


class Texts:
    """All the sentences that are known, in one language."""

    def __init__(self, sentences: Iterable[tuple[str, str]] = ()) -> None:
        """``sentences``: each template with its translation, "" where there is none."""
        found = [Template.of(message, said) for message, said in sentences]
        self._whole = {one.literals[0]: one.said for one in found if not one.names}
        self._templates = sorted((one for one in found if one.names), key=lambda one: -one.weight)

    def say(self, text: str, isolated: Callable[[str], str] = str) -> str:
        """``text`` in the language, its values in what ``isolated`` makes of them; as it is where nothing fits.

        Several sentences side by side are said one by one, if all of them can be.
        """
        if len(text) > LONGEST:
            return text
        ends = [*(found.start() + 1 for found in _END.finditer(text)), len(text)]
        several = 1 < len(ends) <= SENTENCES and text not in self._whole
        return (several and self._say_each(text, ends, isolated)) or self._say(text, isolated) or text

    def _say(self, text: str, isolated: Callable[[str], str], *, short: bool = False) -> str:
        """Of all that fit the one that says most by itself counts, translated or not: another would be wrong.

        ``short``: with no end of a sentence in a value.
        """
        if text in self._whole:
            return self._whole[text]
        template = next((one for one in self._templates if one.fits(text)), None)
        values = template.values(text) if template is not None and template.said else None
        if template is None or values is None or (short and any(map(_END.search, values.values()))):
            return ""
        return PLACE.sub(lambda found: isolated(values[found[1]]), template.said)

    def _say_each(self, text: str, ends: list[int], isolated: Callable[[str], str]) -> str:
        """Sentence by sentence, each as long as may be; "" if one is not known.

        A value may hold the end of a sentence, too, but what follows such a one would have to be a sentence of ours.
        """
        whole = self._say(text, isolated, short=True)
        if whole:
            return whole
        said = {len(text): ""}  # what is known of the rest, by where it begins
        for start in reversed([0, *(end + 1 for end in ends[:-1])]):
            for end in reversed([end for end in ends if start < end and (start, end) != (0, len(text))]):
                rest = said.get(min(end + 1, len(text)))
                first = self._say(text[start:end], isolated) if rest is not None else ""
                if first:
                    said[start] = f"{first} {rest}".rstrip()
                    break
        return said.get(0, "")
