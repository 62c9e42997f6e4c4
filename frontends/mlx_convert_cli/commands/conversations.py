"""`mlx-convert conversations`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from mlx_convert_cli.errors import tell
from mlx_convert_cli.files import read_text, write_text
from mlx_convert_cli.groups import DefaultGroup
from mlx_convert_cli.options import common
from mlx_convert_cli.output import at_terminal, confirm, print_json, put, say, show_table, table
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import InvalidRequest
from mlx_convert_core.plugin import command


@click.group(cls=DefaultGroup, default="list")
def conversations() -> None:
    """List, show, export and delete what was chatted."""


@conversations.command("list")
@common
def list_conversations(as_json: bool) -> None:
    """List the conversations, the one that was changed last first."""
    with workspace(as_json=as_json) as opened:
        found = opened.conversations.list()
        problem = opened.conversations.problem
    if problem:
        tell("warning", problem, color="yellow")
    if as_json:
        print_json(found)
    elif not found:
        say("There are no conversations yet. Begin one: mlx-convert chat MODEL")
    else:
        rows = [(one.id, str(one.messages), one.updated[:10], one.model.name, one.title or "untitled") for one in found]
        columns = ("id", "messages", "changed", "model", "title")
        show_table(table(*columns, rows=rows, right=("messages",)))


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
