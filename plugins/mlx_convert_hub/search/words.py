"""Searching the Hub by words: what has them, else what has a like name; for no words what we suggest."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from functools import lru_cache

from mlx_convert_core.plugin import FoundModel, SourceUnreachable
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.client.patience import within
from mlx_convert_hub.search.rows import listed
from mlx_convert_hub.search.suggestions import suggested
from mlx_convert_hub.trouble.explain import explained

SECONDS = 6.0  # for one list; who waits for it has stopped typing
ASIDE_SECONDS, OFFERED = 4.0, 3  # for names to offer beside an error, and how many of them
KEPT_SECONDS = 300  # an answer serves for so long: people take letters back
MOST_LETTERS = 200  # of words to search for; names have fewer than 100
# A name counts as meant when so much of it is alike; of those that are, the likest few.
ALIKE, SURELY, NEAR = 0.7, 0.88, 5
LEAST_LETTERS = 3  # of a piece of a word to search by: two are in every name


def search(words: str, limit: int, connection: HubConnection | None = None) -> tuple[FoundModel, ...]:
    """At most ``limit`` models with ``words`` in their names, the most downloaded first; without words what we suggest.

    Where none has them, those with like names, which are `near`. At most four requests. Raises SourceError.
    """
    if not words.strip():
        return suggested()[:limit]
    hub = connection or HubConnection.from_environment()
    if hub.offline:
        raise SourceUnreachable(
            "the Hub can't be searched: offline mode is on (HF_HUB_OFFLINE).",
            hint="Name a model that is on this machine, or unset HF_HUB_OFFLINE.",
            code="offline",
        )
    with explained(hub.situation("")):
        asked = " ".join(words[:MOST_LETTERS].split())
        return _listed(hub, asked, limit, _now()) or near(hub, asked)[:limit]


def near(hub: HubConnection, words: str) -> tuple[FoundModel, ...]:
    """The few models whose names are most like ``words``; each piece that may be spelled rightly is asked for."""
    best: dict[str, tuple[float, FoundModel]] = {}
    for found in _candidates(hub, words):
        scored = ((_likeness(words, model.ref), model) for model in found)
        best |= {model.ref: (score, model) for score, model in scored if score >= ALIKE}
        if any(score >= SURELY for score, _ in best.values()):
            break
    ranked = sorted(best.values(), key=lambda pair: -pair[0])
    return tuple(replace(model, near=True) for _, model in ranked[:NEAR])


def names_like(hub: HubConnection, repo_id: str) -> tuple[str, ...]:
    """Repos whose names are most like ``repo_id``, which does not exist; () when they can't be had at once."""
    try:
        found = within(ASIDE_SECONDS, lambda: near(hub, repo_id))
    except Exception:  # it is beside an error, which says more
        return ()
    return tuple(model.ref for model in found[:OFFERED])


@lru_cache(maxsize=128)
def _listed(hub: HubConnection, words: str, limit: int, period: int) -> tuple[FoundModel, ...]:
    return listed(hub, SECONDS, search=words, filter="safetensors", sort="downloads", limit=limit)


def _now() -> int:
    return int(time.monotonic() // KEPT_SECONDS)


def _candidates(hub: HubConnection, words: str) -> Iterator[Iterable[FoundModel]]:
    """Models that may be meant: what we suggest, then what has the other words, or a piece of the longest."""
    yield suggested()
    pieces = [piece for piece in re.split(r"[^\w.]+", words.rpartition("/")[2] or words) if piece]
    longest = max(pieces, key=len, default="")
    part = max(LEAST_LETTERS, len(longest) * 3 // 5)
    others = " ".join(piece for piece in pieces if piece != longest)
    for query in dict.fromkeys((others, longest[:part], longest[-part:])):
        if len(query) >= LEAST_LETTERS:
            yield _listed(hub, query, 100, _now())


def _likeness(words: str, ref: str) -> float:
    """How alike they are, 0 to 1: of a name as much counts as was typed, with its owner if one was."""
    typed = "-".join(words.lower().split())
    name = ref.lower() if "/" in typed else ref.lower().rpartition("/")[2]
    ends = (len(typed) - 1, len(typed), len(typed) + 1, len(name))
    return max(SequenceMatcher(None, typed, name[:end]).ratio() for end in ends)
