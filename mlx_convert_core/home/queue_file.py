"""`queue.json`: the items of the conversion queue on disk, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from mlx_convert_core.base import codec
from mlx_convert_core.base.documents import JsonDocument
from mlx_convert_core.base.process_identity import alive, identity
from mlx_convert_core.errors import ErrorInfo, InvalidRequest, MlxConvertError
from mlx_convert_core.home.queue_item import FollowUp, QueueItem, now
from mlx_convert_core.model.events import JobState
from mlx_convert_core.model.results import ConvertResult
from mlx_convert_core.remedies import RunCommand

Stored = dict[str, Any]


class QueueFile:
    """The items and what may be done with them; each change is one atomic write, with other programs kept out.

    Items of a program that died wait again. One that can't be read stays in the file, and `problem` says so.
    """

    def __init__(self, path: Path) -> None:
        self._document = JsonDocument(path)
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] = ()
        self._version = 0
        self._unread = 0

    @property
    def version(self) -> int:
        """Grows whenever the file has changed."""
        try:
            found = self._document.path.stat()
            seen: tuple[int, ...] = (found.st_ino, found.st_mtime_ns, found.st_size)
        except FileNotFoundError:
            seen = ()
        with self._lock:
            if seen != self._seen:
                self._seen = seen
                self._version += 1
            return self._version

    @property
    def problem(self) -> str:
        """What is wrong with the file, "" when nothing is. That it was damaged counts until the next change."""
        aside = self._document.began_anew
        if aside is not None:
            return f"the queue was damaged and began anew. What it was is kept as {aside}."
        return f"{self._unread} items in {self._document.path} can't be read." if self._unread else ""

    def items(self) -> tuple[QueueItem, ...]:
        """All items, in order."""
        stored = _items_of(self._document.read())
        read = [item for one in stored if (item := _item(one)) is not None]
        self._unread = len(stored) - len(read)
        return tuple(read)

    def get(self, id: str) -> QueueItem:
        """The item ``id``; raises InvalidRequest (code ``no_item``)."""
        for item in self.items():
            if item.id == id:
                return item
        raise _no_item(id)

    def cancel_asked(self, id: str) -> bool:
        """Whether somebody wants the running item ``id`` to end."""
        stored = _items_of(self._document.read())
        return any(isinstance(one, dict) and one.get("id") == id and one.get("cancel") is True for one in stored)

    def append(self, items: tuple[QueueItem, ...]) -> None:
        """Put ``items`` at the end."""
        self._update(lambda stored: stored.extend(_plain(item) for item in items))

    def move(self, id: str, position: int) -> None:
        """Put one at ``position``, or at the end if there are fewer."""

        def change(stored: list[Any], index: int) -> None:
            stored.insert(max(0, position), stored.pop(index))

        self._update_one(id, change)

    def remove(self, id: str) -> None:
        """Take one out that does not run."""

        def change(stored: list[Any], index: int) -> None:
            if _state(stored[index]) is JobState.RUNNING:
                raise InvalidRequest(
                    f"item {id} is running.",
                    hint="Cancel it first.",
                    remedies=(RunCommand("queue cancel", (id,)),),
                    code="item_running",
                )
            del stored[index]

        self._update_one(id, change)

    def cancel(self, id: str) -> None:
        """End one that waits; ask for the end of one that runs."""

        def change(stored: list[Any], index: int) -> None:
            state = _state(stored[index])
            if state is JobState.QUEUED:
                stored[index] |= {"state": JobState.CANCELLED.value, "ended": now()}
            elif state is JobState.RUNNING:
                stored[index]["cancel"] = True

        self._update_one(id, change)

    def retry(self, id: str) -> None:
        """Have one wait again that failed or was cancelled, or have again done with its results what failed."""

        def change(stored: list[Any], index: int) -> None:
            state, item = _state(stored[index]), _item(stored[index])
            if item is not None and item.failed_after:
                well = [one for one in item.followed if one.state is JobState.FINISHED]
                stored[index]["followed"] = codec.plain(well)
                return
            if state not in (JobState.FAILED, JobState.CANCELLED):
                raise InvalidRequest(
                    f"item {id} is {state}.", hint="Only what failed or was cancelled can be tried again.", code="retry"
                )
            _try_again(stored[index])

        self._update_one(id, change)

    def clear(self, *, waiting: bool) -> tuple[QueueItem, ...]:
        """Take out what has ended, and what waits if ``waiting``; what was taken out."""
        gone: list[QueueItem] = []

        def change(stored: list[Any]) -> None:
            for one in list(stored):
                item = _item(one)
                ended = item is not None and item.state.final and not item.to_follow
                if item is not None and (ended or (waiting and item.state is JobState.QUEUED)):
                    stored.remove(one)
                    gone.append(item)

        self._update(change)
        return tuple(gone)

    def begin(self) -> QueueItem | None:
        """Mark the first waiting item as running here; None when none waits. Only for who holds the turn.

        What else is marked as running belongs to a program that died.
        """
        if not any(item.state in (JobState.QUEUED, JobState.RUNNING) for item in self.items()):
            return None
        begun: list[QueueItem] = []

        def change(stored: list[Any]) -> None:
            for one in stored:
                if _state(one) is JobState.RUNNING:
                    _try_again(one)
            first = next((one for one in stored if _state(one) is JobState.QUEUED and _item(one)), None)
            if first is not None:
                first |= {"state": JobState.RUNNING.value, "started": now(), "owner": identity()}
                begun.extend(item for item in [_item(first)] if item is not None)

        self._update(change)
        return begun[0] if begun else None

    def end(
        self, id: str, state: JobState, *, error: ErrorInfo | None = None, result: ConvertResult | None = None
    ) -> QueueItem | None:
        """Write down how one ended, without a traceback; QUEUED has it wait again. None when it is gone."""
        made = [str(model.path) for model in result.models] if result else []
        skipped = codec.plain(result.skipped) if result else []
        ended: list[QueueItem] = []

        def change(stored: list[Any]) -> None:
            for one in stored:
                if not isinstance(one, dict) or one.get("id") != id:
                    continue
                began = one.get("started", "")
                _wait_again(one)
                if state.final:
                    told = codec.plain(replace(error, traceback="")) if error else None
                    one.update(state=state.value, started=began, ended=now(), error=told, outputs=made, skipped=skipped)
                ended.extend(item for item in [_item(one)] if item is not None)

        self._update(change)
        return ended[0] if ended else None

    def follow(self, id: str, what: FollowUp) -> None:
        """Write down what came of something that was done with a result of item ``id``."""
        self._update_one(id, lambda stored, index: stored[index].setdefault("followed", []).append(codec.plain(what)))

    def _update_one(self, id: str, change: Callable[[list[Any], int], None]) -> None:
        def found(stored: list[Any]) -> None:
            for index, one in enumerate(stored):
                if isinstance(one, dict) and one.get("id") == id:
                    return change(stored, index)
            raise _no_item(id)

        self._update(found)

    def _update(self, change: Callable[[list[Any]], None]) -> None:
        def whole(document: Stored) -> None:
            stored = _items_of(document)
            for one in stored:
                if _state(one) is JobState.QUEUED and one["state"] != JobState.QUEUED.value:
                    _try_again(one)  # its program has died
            change(stored)
            document["items"] = stored

        self._document.update(whole)


def _items_of(document: Stored) -> list[Any]:
    found = document.get("items", [])
    return found if isinstance(found, list) else [found]


def _state(one: Any) -> JobState | None:
    """Where a stored item stands: one that ran in a program that died waits. None when it can't be told."""
    if not isinstance(one, dict) or one.get("state") not in list(JobState):
        return None
    state = JobState(one["state"])
    return JobState.QUEUED if state is JobState.RUNNING and not _owned(one) else state


def _owned(one: Stored) -> bool:
    try:
        return alive(one["owner"])
    except (KeyError, TypeError, ValueError):
        return False


def _item(one: Any) -> QueueItem | None:
    """A stored item, None when it can't be read."""
    state = _state(one)
    if state is None:
        return None
    began = one.get("started", "") if state is not JobState.QUEUED else ""
    try:
        return codec.from_plain({**one, "state": state.value, "started": began}, QueueItem)
    except (msgspec.ValidationError, MlxConvertError):
        return None


def _plain(item: QueueItem) -> Stored:
    stored: Stored = codec.plain(item)
    del stored["job"]
    return stored


def _wait_again(one: Stored) -> None:
    for name in ("owner", "cancel"):
        one.pop(name, None)
    one.update(state=JobState.QUEUED.value, started="", ended="", error=None, outputs=[], skipped=[], followed=[])


def _try_again(one: Stored) -> None:
    """Have it wait again, and go on with what its last run left, if a dead one left anything."""
    _wait_again(one)
    if isinstance(one.get("request"), dict):
        one["request"]["resume"] = True


def _no_item(id: str) -> InvalidRequest:
    return InvalidRequest(
        f"there is no item '{id}' in the queue.", remedies=(RunCommand("queue list"),), code="no_item"
    )
