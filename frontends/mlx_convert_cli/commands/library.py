"""`mlx-convert library`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mlx_convert_cli.errors import tell
from mlx_convert_cli.groups import DefaultGroup
from mlx_convert_cli.listing import Cell, Listing
from mlx_convert_cli.options import common
from mlx_convert_cli.output import (
    at_terminal,
    confirm,
    print_json,
    say,
    screenful,
    show_table,
    styled,
    table,
)
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import InvalidRequest, LibraryQuery
from mlx_convert_core.plugin import ORDERS, command, plain, units

if TYPE_CHECKING:
    from mlx_convert_core import LibraryEntry, Workspace
    from mlx_convert_core.plugin import FolderContents, LibraryOrder

AROUND = 2  # lines of a terminal that are not the table's: what more there is, and the prompt


@click.group(cls=DefaultGroup, default="list")
def library() -> None:
    """List, show, find and remove converted models."""


@library.command("list")
@click.option("--search", metavar="TEXT", default="", help="Only models with these words in name, source or format.")
@click.option("--source", metavar="REF", default="", help="Only models made from REF.")
@click.option("--larger-than", metavar="SIZE", default="", help="Only models larger than SIZE, such as 10GB.")
@click.option("--missing", is_flag=True, help="Only models whose folder has vanished.")
@click.option(
    "--sort",
    type=click.Choice(ORDERS),
    default="date",
    show_default=True,
    help="Newest, A to Z, largest, fewest bits, or nearest to the source first.",
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--all", "every", is_flag=True, help="At a terminal, too, list more than fits on the screen.")
@common
def list_entries(*, missing: bool, every: bool, as_json: bool, **asked: Any) -> None:
    """List the converted models known here, newest first.

    A terminal shows as many as fit on it. A pipe, a file and --json get all of them: whoever searches there must not
    miss one.
    """
    query = _query(**asked)
    with workspace(as_json=as_json) as opened:
        known = opened.library.entries()
        _tell_problem(opened)
    found = query.of(entry for entry in known if not missing or entry.missing)
    if as_json:
        print_json(_data(found))
    elif found:
        shown = found if every else screenful(found, _table, below=AROUND)
        show_table(_table(shown))
        _tell_of_more(len(found) - len(shown))
    elif known and query == LibraryQuery(words=query.words, order=query.order, reverse=query.reverse) and not missing:
        say(f"None of {len(known):,} models has '{query.words}' in its name, source or format.")
    elif known:
        say(f"None of {len(known):,} models is asked for. Leave something out: mlx-convert library list")
    else:
        say("The library is empty. Convert a model, or find some: mlx-convert library scan FOLDER")


def _query(search: str, source: str, larger_than: str, sort: LibraryOrder, reverse: bool) -> LibraryQuery:
    """What options ask for. Raises InvalidRequest for a size that is none."""
    size = units.nbytes(larger_than)
    if larger_than and not size:
        raise InvalidRequest(f"'{larger_than}' is no size.", hint="Write one such as 6GB or 750MB.", code="size")
    return LibraryQuery(words=search, source=source, larger_than=size, order=sort, reverse=reverse)


def _tell_of_more(more: int) -> None:
    if more:
        given = click.get_current_context().params
        every = command("mlx-convert library list", *_given(given), "--all")
        say(f"… and {more:,} more: {every}" + ("" if given["search"] else ", or --search TEXT"))


def _given(params: Mapping[str, Any]) -> Iterator[str]:
    """The options that were given, as they are typed."""
    for name, value in params.items():
        option = f"--{name.replace('_', '-')}"
        if value is True and name in ("missing", "reverse"):
            yield option
        elif isinstance(value, str) and value and (name, value) != ("sort", "date"):
            yield from (option, value)


@library.command("show")
@click.argument("name")
@common
def show_entry(name: str, as_json: bool) -> None:
    """Show everything known about NAME, a name or a folder in the library."""
    from mlx_convert_cli.model_view import details_data, show_details

    with _workspace(as_json=as_json) as opened:
        details = opened.details(name)
    if as_json:
        print_json({**_data([details.entry])[0], **details_data(details)})
    else:
        show_details(details, _source(details.entry))


@library.command("scan")
@click.argument("folder", type=click.Path())
@common
def scan(folder: str, as_json: bool) -> None:
    """Add every MLX model at or below FOLDER, also those made by other tools or in a Hugging Face cache.

    Hidden folders below it are not looked into.
    """
    from mlx_convert_core.plugin import SCAN_LEVELS, expanded

    with _workspace(as_json=as_json) as opened:
        found = opened.scan(expanded(folder), lambda why: tell("warning", why, color="yellow"))
    if as_json:
        print_json(_data(found))
        return
    if found:
        show_table(_table(found))
    counted = f"{len(found)} {'model' if len(found) == 1 else 'models'}"
    say(f"{counted} found in {folder} and up to {SCAN_LEVELS} levels below, but for hidden folders.")


@library.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--keep-files", is_flag=True, help="Only forget the model; its folder stays.")
@click.option("--permanently", is_flag=True, help="Delete the folder for good, which frees the disk at once.")
@common
def remove(name: str, yes: bool, keep_files: bool, permanently: bool, as_json: bool) -> None:
    """Remove NAME, a name or a folder in the library, and its folder.

    On a Mac the folder goes to the Trash, elsewhere it is deleted for good. Of a Hugging Face cache the revision is
    deleted, with the bytes that no other one needs.
    """
    from mlx_convert_core.plugin import has_trash

    with _workspace(as_json=as_json) as opened:
        entry = opened.find(name)
        trashes = has_trash() and not permanently
        goes = None if keep_files else opened.what_removal_takes(entry)
        trashes = trashes and not (goes is not None and goes.cached)
        if goes is not None and not yes:
            _ask(entry, goes, trashes=trashes, as_json=as_json)
        opened.remove(entry, keep_files=keep_files, permanently=permanently)
    if as_json:
        gone = goes is not None
        print_json({"removed": _data([entry])[0], "deleted": gone, "trashed": gone and trashes, "went": goes})
    elif goes is not None:
        what = f"{entry.path} ({units.size(goes.size)})"
        say(f"Moved {what} to the Trash." if trashes else f"Deleted {what} for good.")
    else:
        say(f"Forgot {entry.name}; no file was deleted.")


@contextmanager
def _workspace(*, as_json: bool) -> Iterator[Workspace]:
    """The workspace, after what is wrong with the library was said: the next change ends that."""
    with workspace(as_json=as_json) as opened:
        opened.library.entries()
        _tell_problem(opened)
        yield opened


def _tell_problem(opened: Workspace) -> None:
    if opened.library_problem:
        tell("warning", opened.library_problem, color="yellow")


def _ask(entry: LibraryEntry, goes: FolderContents, *, trashes: bool, as_json: bool) -> None:
    """Go on only when a person says so; raises InvalidRequest where nobody can be asked."""
    what = f"{entry.path} ({goes.words})"
    if as_json or not at_terminal():
        raise InvalidRequest(
            f"this would move {what} to the Trash." if trashes else f"this would delete {what} for good.",
            hint=f"Say so with --yes ({command('mlx-convert library remove', entry.path, '--yes')}), or keep them with"
            " --keep-files.",
            code="not_confirmed",
        )
    if not confirm(f"Move {what} to the Trash?" if trashes else f"Delete {what} for good?"):
        say("Nothing was deleted.")
        click.get_current_context().exit(1)


def _table(entries: Sequence[LibraryEntry]) -> Listing:
    columns = ("name", "size", "bits per weight", "made", "source")
    gone = styled("missing", fg="red")
    return table(*columns, rows=(_row(entry, gone) for entry in entries), right=("size", "bits per weight"))


def _row(entry: LibraryEntry, gone: Cell) -> Sequence[Cell]:
    return (
        entry.name,
        gone if entry.missing else units.size(entry.size),
        units.bits(entry.bits_per_weight),
        entry.created[:10],
        _source(entry) or str(entry.path),
    )


def _source(entry: LibraryEntry) -> str:
    return f"{entry.source} @ {entry.revision[:12]}" if entry.source and entry.revision else entry.source


def _data(entries: Sequence[LibraryEntry]) -> list[dict[str, Any]]:
    from mlx_convert_core.plugin import groups_in, is_stale

    data: list[dict[str, Any]] = plain(entries)
    for entry, one in zip(entries, data, strict=True):
        one["missing"] = entry.missing
        groups = groups_in(entry.measurements) if entry.measurements else {}
        one["stale"] = [name for name, group in groups.items() if is_stale(group, entry.path)]
        one["verified"] = list(entry.still_verified())
    return data
