"""The queue for people: its items as a table, and one item while it runs."""

from __future__ import annotations

from collections.abc import Iterable

from mlx_convert_cli import text
from mlx_convert_cli.errors import tell_error
from mlx_convert_cli.listing import Cell, Listing
from mlx_convert_cli.output import print_json, say, styled, table
from mlx_convert_cli.progress import View, view, watch
from mlx_convert_core import Cancelled, Event, JobState, MlxConvertError
from mlx_convert_core.plugin import ConversionQueue, FollowUp, QueueItem, units

COLORS = {JobState.FINISHED: "green", JobState.FAILED: "red", JobState.RUNNING: "cyan", JobState.CANCELLED: "yellow"}


class Stopped(Exception):
    """A person pressed Ctrl-C."""


def items_table(items: Iterable[QueueItem]) -> Listing:
    """Items with their place, what they are, where they stand and what came of them."""
    rows = [
        (str(place), item.id, _state(item), item.request.ref, _presets(item), outcome(item))
        for place, item in enumerate(items, start=1)
    ]
    return table("", "id", "state", "model", "presets", "", rows=rows, right=("",))


def outcome(item: QueueItem) -> str:
    """What an item has made, or why it failed."""
    if item.error is not None:
        return f"{item.error.message} {item.error.hint}".strip()
    made = ", ".join(text.folder(path) for path in item.outputs)
    left = ", ".join(text.folder(output.path) for output in item.skipped)
    told = [made, f"as it was: {left}" if left else "", *map(_followed, item.followed)]
    return "; ".join(filter(None, told))


def _followed(what: FollowUp) -> str:
    """What came of something that was done with a result."""
    if what.state is JobState.FINISHED:
        return f"sent to {what.location}" if what.kind == "upload" else "measured"
    verb = "sent" if what.kind == "upload" else "measured"
    return f"{what.path.name} not {verb}: {what.error.message if what.error else 'cancelled'}"


def watch_item(queue: ConversionQueue, item: QueueItem, *, as_json: bool) -> None:
    """Show one item until it has ended; its errors are told, not raised. Raises Stopped after Ctrl-C."""
    if as_json:
        print_json({"event": "QueueItem", "item": item})
    else:
        say(f"\n{item.request.ref} ({_presets(item)})")
    job = queue.job(item.id) if item.job else None
    if job is None:
        if item.error is not None and not as_json:
            tell_error(item.error)
        return
    noticing = _Noticing(view(as_json=as_json))
    watch(job, noticing)
    if noticing.stopped:
        raise Stopped
    try:
        result = job.result()
    except MlxConvertError as error:
        if not as_json:
            known = isinstance(error, Cancelled)
            say("cancelled.") if known else tell_error(error)
        return
    for model in () if as_json else result.models:
        say(f"{text.folder(model.path)}  {units.size(model.total_bytes)}")


class _Noticing:
    """A view that remembers whether a person pressed Ctrl-C."""

    def __init__(self, inner: View) -> None:
        self._inner = inner
        self.stopped = False

    def __enter__(self) -> _Noticing:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._inner.__exit__(*error)

    def show(self, event: Event) -> None:
        """See View."""
        self._inner.show(event)

    def cancelling(self) -> None:
        """See View."""
        self.stopped = True
        self._inner.cancelling()


def _state(item: QueueItem) -> Cell:
    state = "waiting" if item.state is JobState.QUEUED else item.state.value
    return styled(state, fg=color) if (color := COLORS.get(item.state)) else state


def _presets(item: QueueItem) -> str:
    return ", ".join(preset or "default" for preset in item.request.presets)
