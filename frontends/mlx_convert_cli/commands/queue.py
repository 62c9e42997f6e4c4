"""`mlx-convert queue`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click

from mlx_convert_cli.errors import CANCELLED, AlreadyTold, tell
from mlx_convert_cli.files import read_input, read_text
from mlx_convert_cli.groups import DefaultGroup
from mlx_convert_cli.options import check_preset, common, conversion_options, convert_request
from mlx_convert_cli.output import print_json, say, show, show_table
from mlx_convert_cli.queue_view import Stopped, items_table, watch_item
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import InvalidRequest, JobState, Workspace
from mlx_convert_core.plugin import Afterwards, QueueBusy, QueueItem


@click.group(cls=DefaultGroup, default="list")
def queue() -> None:
    """Line up conversions and have them done one by one."""


@queue.command("add")
@click.argument("refs", nargs=-1)
@conversion_options
@click.option(
    "--file", "listed", type=click.Path(allow_dash=True), help="A text file with a model a line, - for a pipe."
)
@click.option("--upload", metavar="TARGET", help="Send each result there once it is done, e.g. hub.")
@click.option("--public", is_flag=True, help="Let everybody see what --upload makes; without it, it is private.")
@click.option("--measure", is_flag=True, help="Measure each result once it is done: how close it is to its source.")
@common
def add(
    refs: tuple[str, ...],
    listed: str | None,
    upload: str | None,
    public: bool,
    measure: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Put the models REFS at the end of the queue, each with the same options.

    \b
    mlx-convert queue add org/one org/two --preset 4bit --preset 8bit
    mlx-convert queue add --file models.txt
    """
    named = (*refs, *(_listed(listed) if listed else ()))
    if values["output"] and len(named) > 1:
        raise InvalidRequest(
            f"{len(named)} models can't all go to {values['output'][0]}.",
            hint="Leave --output out, or add one model at a time.",
        )
    with _workspace(as_json=as_json) as opened:
        for name in values["preset"]:
            check_preset(name, opened.presets)
        requests = [convert_request(opened, {**values, "ref": ref}) for ref in named or (None,)]
        opened.sources.check([request.ref for request in requests], values["revision"])
        then = Afterwards(upload=_target(opened, upload), public=public, measure=measure)
        added = opened.queue.add_many(requests, then)
    if as_json:
        print_json(added)
        return
    for item in added:
        say(f"{item.id}  {item.request.ref}")
    say(f"\n{len(added)} added. Have the queue done: mlx-convert queue run")


@queue.command("list")
@common
def list_items(as_json: bool) -> None:
    """List the items, in the order in which they are done."""
    with _workspace(as_json=as_json) as opened:
        _list(opened, as_json=as_json)


@queue.command("run")
@common
def run(as_json: bool) -> None:
    """Convert what waits, one after the other. Ctrl-C stops; what ran then waits again.

    Exit code 1 says that a conversion failed, or left an output as it was that is there already.
    """
    with _workspace(as_json=as_json) as opened:
        try:
            ended = _drained(opened, as_json=as_json)
        except QueueBusy:
            _list(opened, as_json=as_json)
            raise
        except Stopped:
            if not as_json:
                say("Stopped. What ran waits again; go on with: mlx-convert queue run")
            raise AlreadyTold(CANCELLED) from None
    if as_json:
        print_json({"event": "QueueFinished", "items": ended})
    elif ended:
        show("", items_table(ended))
    else:
        say("Nothing waits in the queue. Add something: mlx-convert queue add REF")
    if any(item.state is JobState.FAILED or item.skipped or item.failed_after for item in ended):
        click.get_current_context().exit(1)


@queue.command("move")
@click.argument("id")
@click.argument("position", type=click.IntRange(min=1))
@common
def move(id: str, position: int, as_json: bool) -> None:
    """Put item ID at POSITION in the list, which begins with 1."""
    with _workspace(as_json=as_json) as opened:
        opened.queue.move(id, position - 1)
        _list(opened, as_json=as_json)


@queue.command("remove")
@click.argument("ids", nargs=-1, required=True)
@common
def remove(ids: tuple[str, ...], as_json: bool) -> None:
    """Take items out of the queue; what they have made stays."""
    with _workspace(as_json=as_json) as opened:
        for id in ids:
            opened.queue.remove(id)
        _list(opened, as_json=as_json)


@queue.command("cancel")
@click.argument("ids", nargs=-1, required=True)
@common
def cancel(ids: tuple[str, ...], as_json: bool) -> None:
    """End items that wait or run, also when another program runs them."""
    with _workspace(as_json=as_json) as opened:
        for id in ids:
            opened.queue.cancel(id)
        _list(opened, as_json=as_json)


@queue.command("retry")
@click.argument("ids", nargs=-1)
@common
def retry(ids: tuple[str, ...], as_json: bool) -> None:
    """Have items wait again that failed or were cancelled; without IDS, all that failed."""
    with _workspace(as_json=as_json) as opened:
        failed = [item.id for item in opened.queue.items() if item.state is JobState.FAILED]
        for id in ids or failed:
            opened.queue.retry(id)
        _list(opened, as_json=as_json)


@queue.command("clear")
@click.option("--all", "everything", is_flag=True, help="Take out what waits, too.")
@common
def clear(everything: bool, as_json: bool) -> None:
    """Take out what has ended; the models stay."""
    with _workspace(as_json=as_json) as opened:
        gone = opened.queue.clear(finished_only=not everything)
    print_json({"removed": gone}) if as_json else say(f"{len(gone)} taken out of the queue.")


def _target(opened: Workspace, named: str | None) -> str:
    """The upload target ``named``, with or without its colon. Raises InvalidRequest."""
    target = (named or "").removesuffix(":")
    offered = opened.upload_targets()
    if target and target not in offered:
        raise InvalidRequest(
            f"there is no upload target '{target}'.",
            hint=f"There are: {', '.join(offered)}. Each result gets its own name there.",
            code="upload_target",
        )
    return target


@contextmanager
def _workspace(*, as_json: bool) -> Iterator[Workspace]:
    """The workspace, after what is wrong with the queue was said: the next change ends that."""
    with workspace(as_json=as_json) as opened:
        opened.queue.items()
        if opened.queue.problem:
            tell("warning", opened.queue.problem, color="yellow")
        yield opened


def _drained(opened: Workspace, *, as_json: bool) -> list[QueueItem]:
    """Carry out what waits; the items as they ended."""
    done = []
    with closing(opened.queue.drain()) as begun:
        for item in begun:
            done.append(item.id)
            watch_item(opened.queue, item, as_json=as_json)
    items = {item.id: item for item in opened.queue.items()}
    return [items[id] for id in done if id in items]


def _list(opened: Workspace, *, as_json: bool) -> None:
    items = opened.queue.items()
    if as_json:
        print_json(items)
    elif items:
        show_table(items_table(items))
    else:
        say("The queue is empty. Add something: mlx-convert queue add REF")


def _listed(name: str) -> list[str]:
    """The models in a list: one a line, "#" begins a comment."""
    written = read_input() if name == "-" else read_text(Path(name))
    lines = (line.partition("#")[0].strip() for line in written.splitlines())
    found = [line for line in lines if line]
    if not found:
        raise InvalidRequest(f"{name} names no model.", hint="Write one repo id or folder a line.", code="empty_list")
    return found
