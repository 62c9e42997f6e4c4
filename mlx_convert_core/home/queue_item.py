"""An item of the conversion queue: what was asked for, where it stands, and what is done with its results."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from mlx_convert_core.base.paths import expanded
from mlx_convert_core.errors import ErrorInfo
from mlx_convert_core.model.events import JobState
from mlx_convert_core.model.requests import ConvertRequest
from mlx_convert_core.model.results import SkippedOutput

FollowKind = Literal["measure", "upload"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Afterwards:
    """What is done with each result of an item once it is there, one after the other.

    ``upload`` names an upload target, "" for none; each result gets the name that the target gives it by itself, and is
    private there unless ``public``. ``measure`` has it compared with its source.
    """

    upload: str = ""
    public: bool = False
    measure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What came of one of these for the result at ``path``; ``location`` is where an upload is now."""

    kind: FollowKind
    path: Path
    state: JobState
    location: str = ""
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """One conversion in the queue. Times are ISO 8601 in UTC, "" before they come.

    ``job`` is the id of its job in this program, ``error`` why it failed, ``outputs`` the folders that it made,
    ``skipped`` what it left as it was. ``then`` is what is to be done with its results, ``followed`` what came of that.
    """

    id: str
    request: ConvertRequest
    state: JobState = JobState.QUEUED
    added: str = ""
    started: str = ""
    ended: str = ""
    job: str = ""
    error: ErrorInfo | None = None
    outputs: tuple[Path, ...] = ()
    skipped: tuple[SkippedOutput, ...] = ()
    then: Afterwards = Afterwards()
    followed: tuple[FollowUp, ...] = ()

    @property
    def to_follow(self) -> tuple[tuple[FollowKind, Path], ...]:
        """What is still to be done with its results; each is measured first, so that what is sent tells the figures."""
        if self.state is not JobState.FINISHED:
            return ()
        done = {(one.kind, one.path) for one in self.followed}
        asked: dict[FollowKind, bool] = {"measure": self.then.measure, "upload": bool(self.then.upload)}
        kinds = [kind for kind, wanted in asked.items() if wanted]
        return tuple((kind, path) for path in self.outputs for kind in kinds if (kind, path) not in done)

    @property
    def failed_after(self) -> bool:
        """Whether something that was to be done with its results went wrong."""
        return any(one.state is not JobState.FINISHED for one in self.followed)

    @classmethod
    def of(cls, request: ConvertRequest, then: Afterwards = Afterwards()) -> QueueItem:
        """A new item. Paths of ``request`` become whole: another program, elsewhere, may carry it out."""
        outputs = tuple(str(expanded(path).absolute()) for path in request.outputs)
        whole = replace(request, ref=_whole(request.ref), output=outputs)
        whole = replace(whole, adapter=tuple(map(_whole, request.adapters)))
        return cls(id=secrets.token_hex(4), request=whole, added=now(), then=then)


def _whole(ref: str) -> str:
    """``ref``, a folder's or a file's as a whole path."""
    place = expanded(ref)
    return str(place.absolute()) if place.exists() else ref


def now() -> str:
    """The time, as it stands in items."""
    return datetime.now(UTC).isoformat(timespec="seconds")
