"""`mlx-convert conversations`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mlx_convert_cli.errors import tell
from mlx_convert_cli.files import read_text, write_text
from mlx_convert_cli.groups import DefaultGroup
from mlx_convert_cli.listing import Listing
from mlx_convert_cli.options import common
from mlx_convert_cli.output import at_terminal, confirm, print_json, put, say, screenful, show_table, table
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import InvalidRequest
from mlx_convert_core.plugin import command

if TYPE_CHECKING:
    from mlx_convert_core.plugin import ConversationSummary

AROUND = 2  # lines of a terminal that are not the table's: what more there is, and the prompt


@click.group(cls=DefaultGroup, default="list")
def conversations() -> None:
    """List, show, export and delete what was chatted."""


@conversations.command("list")
@click.option("--search", metavar="TEXT", default="", help="Only conversations with these words in title or messages.")
@click.option("--all", "every", is_flag=True, help="At a terminal, too, list more than fits on the screen.")
@common
def list_conversations(search: str, every: bool, as_json: bool) -> None:
    """List the conversations, the one that was changed last first.

    A terminal shows as many as fit on it, the pinned ones first. A pipe, a file and --json get all of them.
    """
    with workspace(as_json=as_json) as opened:
        known = opened.conversations.list()
        found = opened.conversations.search(search) if search else known
        problem = opened.conversations.problem
    if problem:
        tell("warning", problem, color="yellow")
    if as_json:
        print_json(found)
    elif found:
        ordered = sorted(found, key=lambda one: not one.pinned)
        shown = ordered if every else screenful(ordered, _table, below=AROUND)
        show_table(_table(shown))
        more = len(ordered) - len(shown)
        if more:
            say(f"{more:,} more. --all lists them, --search TEXT finds some.")
    elif known:
        say(f"None of {len(known):,} conversations has '{search}' in its title or in what was said.")
    else:
        say("There are no conversations yet. Begin one: mlx-convert chat MODEL")


def _table(found: Sequence[ConversationSummary]) -> Listing:
    rows = [(one.id, str(one.messages), _changed(one), one.model.name, one.title or "untitled") for one in found]
    return table("id", "messages", "changed", "model", "title", rows=rows, right=("messages",))


def _changed(one: ConversationSummary) -> str:
    return f"{one.updated[:10]}, pinned" if one.pinned else one.updated[:10]


@conversations.command("show")
@click.argument("id")
@common
def show_conversation(id: str, as_json: bool) -> None:
    """Show the conversation ID."""
    with workspace(as_json=as_json) as opened:
        found = opened.conversations.get(id)
    if as_json:
        print_json(found)
        return
    put(found.markdown(), nl=False)


@conversations.command("rename")
@click.argument("id")
@click.argument("title")
@common
def rename(id: str, title: str, as_json: bool) -> None:
    """Give the conversation ID another TITLE."""
    with workspace(as_json=as_json) as opened:
        renamed = opened.conversations.rename(id, title)
    print_json(renamed.summary) if as_json else say(f"It is called '{renamed.title}' now.")


@conversations.command("pin")
@click.argument("id")
@click.option("--off", is_flag=True, help="No more.")
@common
def pin(id: str, off: bool, as_json: bool) -> None:
    """Keep the conversation ID before the others."""
    with workspace(as_json=as_json) as opened:
        opened.conversations.pin(id, not off)
        pinned = opened.conversations.get(id).summary
    if as_json:
        print_json(pinned)
    else:
        say(f"'{pinned.title}' is {'no longer ' if off else ''}pinned.")


@conversations.command("export")
@click.argument("id")
@click.option("--format", "form", type=click.Choice(("markdown", "json")), default="markdown", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="The new file; without it, standard output.")
@common
def export(id: str, form: Literal["markdown", "json"], output: str | None, as_json: bool) -> None:
    """Write the conversation ID as a document."""
    with workspace(as_json=as_json) as opened:
        written = opened.conversations.export(id, form)
    if output is not None:
        write_text(Path(output), written)
        print_json({"file": output}) if as_json else say(f"Wrote {output}.")
    elif as_json:
        print_json({"id": id, "format": form, "text": written})
    else:
        put(written, nl=False)


@conversations.command("import")
@click.argument("file", type=click.Path(dir_okay=False))
@common
def import_conversation(file: str, as_json: bool) -> None:
    """Keep the conversation in FILE, which `export --format json` has made."""
    exported = read_text(Path(file))
    with workspace(as_json=as_json) as opened:
        kept = opened.conversations.load(exported)
    print_json(kept.summary) if as_json else say(f"Kept as {kept.id}.")


@conversations.command("delete")
@click.argument("id")
@click.option("--yes", is_flag=True, help="Don't ask.")
@common
def delete(id: str, yes: bool, as_json: bool) -> None:
    """Delete the conversation ID, for good."""
    with workspace(as_json=as_json) as opened:
        found = opened.conversations.get(id).summary
        what = f"'{found.title}' with {found.messages} messages"
        if not yes and (as_json or not at_terminal()):
            raise InvalidRequest(
                f"this would delete {what}.",
                hint=f"Say so: {command('mlx-convert conversations delete', id, '--yes')}",
                code="not_confirmed",
            )
        if not yes and not confirm(f"Delete {what}?"):
            say("Nothing was deleted.")
            click.get_current_context().exit(1)
        opened.conversations.delete(id)
    print_json({"deleted": found}) if as_json else say(f"Deleted {what}.")
