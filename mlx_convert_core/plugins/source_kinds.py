"""What the refs of a source look like to people, and what it knows besides the model that a ref names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mlx_convert_core.model.considered import SourceAbout
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.found import FoundModel
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.plugins.model_converters import ModelConverter
from mlx_convert_core.plugins.model_sources import ModelSource


def _lacks_nothing(text: str) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """What the refs of a plugin's source look like, for a person who is to name a model.

    ``title`` is a short label, ``summary`` says what to type ("Model on the team's drive"), and ``example`` is such a
    ref. A ref of a ``local`` kind means a place on this machine; others may stand in a recipe that is shared.

    ``lacking`` says in a sentence what a text lacks that may become such a ref when more is typed; "" when it is whole,
    or none. It is asked while somebody types: it reads no disk and asks no network.

    ``search`` gives at most so many models for words of their names, the likeliest first; for no words those that it
    suggests, without asking a network. It may ask one otherwise, for as long as somebody waits who has stopped typing.
    None: this kind can't be searched.
    """

    name: str
    title: str
    summary: str
    example: str
    local: bool = False
    lacking: Callable[[str], str] = _lacks_nothing
    search: Callable[[str, int], Iterable[FoundModel]] | None = None


@runtime_checkable
class PublishedSource(ModelSource, Protocol):
    """A source that knows where others have published its model converted already."""

    def conversions(self, model: ModelInfo) -> Iterable[FoundModel]:
        """The conversions to MLX of exactly ``model``, which it has inspected; others with a like name are none."""


@runtime_checkable
class DescribedSource(ModelSource, Protocol):
    """A source that has more to tell of its model to a person than what inspecting it shows."""

    def about(self, model: ModelInfo) -> SourceAbout:
        """The card of ``model``, which it has inspected, and what its list says of it; may fetch small files."""


@runtime_checkable
class JudgingConverter(ModelConverter, Protocol):
    """A converter that tells by config.json alone, without headers, whether it takes an architecture."""

    def judge(self, model: ModelInfo) -> Finding | None:
        """Why it can't take ``model``, of which only the config is known; None when nothing in that speaks against it.

        Runs in the parent for every line of a list: it imports nothing heavy and asks no network.
        """
