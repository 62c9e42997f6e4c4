"""Where one can go: models and chats by words of their names, for the palette. Pages and actions are the frame's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mlx_convert_core import LibraryEntry
from mlx_convert_core.plugin import ConversationSummary, model_name, units
from mlx_convert_ui import wording
from mlx_convert_ui.state.library_rows import page_of
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.words import N_, _

SHOWN = 6  # of a group; who sees not what he looks for types on


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Something to go to, or to do: an ``address`` of ours, or an ``act``. ``about`` is its small print.

    ``group`` is a message, said where it is drawn.
    """

    title: str
    icon: str
    group: str
    about: str = ""
    address: str = ""
    act: Callable[[], Any] | None = None

    def has(self, words: str) -> bool:
        """Whether every one of ``words`` is in its title."""
        return all(word in self.title.lower() for word in words.lower().split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The models and chats of this machine, as they were read."""

    entries: tuple[LibraryEntry, ...] = ()
    chats: tuple[ConversationSummary, ...] = ()


def read(studio: Studio) -> Known:
    """What there is. Reads the disk: call it on a thread."""
    return Known(entries=studio.entries(), chats=studio.chats.list())


def destinations(words: str, fixed: Iterable[Destination], known: Known) -> Iterator[Destination]:
    """What has ``words`` in its name, group by group: of each the first few, and last a search for the words."""
    matching = [place for place in fixed if place.has(words)]
    yield from (place for place in matching if place.group == "Pages")
    models = (entry for entry in known.entries if entry.has(words))
    yield from map(_model, _first(models))
    chats = (chat for chat in known.chats if _chat(chat).has(words))
    yield from map(_chat, _first(chats))
    yield from (place for place in matching if place.group != "Pages")
    if words.strip():
        typed = words.strip()
        yield Destination(
            title=_("Search models for “{words}”", words=typed),
            icon="search",
            group=N_("Actions"),
            address=f"/?ref={quote(typed, safe='')}",
        )


def _first(found: Iterable[Any]) -> Iterator[Any]:
    return itertools.islice(found, SHOWN)


def _model(entry: LibraryEntry) -> Destination:
    return Destination(
        title=entry.name,
        icon="package",
        group=N_("Models"),
        about=f"{entry.quantization} · {units.size(entry.size)}",
        address=page_of(entry.path),
    )


def _chat(chat: ConversationSummary) -> Destination:
    return Destination(
        title=chat.title or _("Untitled"),
        icon="message-square",
        group=N_("Chats"),
        about=f"{model_name(chat.model)} · {wording.when(chat.updated)}",
        address=f"/chat/{chat.id}",
    )
