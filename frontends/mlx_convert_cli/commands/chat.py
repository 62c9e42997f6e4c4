"""`mlx-convert chat`."""

from __future__ import annotations

import sys
from typing import Any

import click

from mlx_convert_cli.files import read_line
from mlx_convert_cli.options import answering, common
from mlx_convert_cli.output import say
from mlx_convert_cli.talk import Talk
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import InvalidRequest
from mlx_convert_core.plugin import command

HELP = """/image FILE   show a picture with the next message (/sound FILE: a recording)
/system TEXT  say how the model should behave (empty: nothing); starts anew
/continue     have the last answer go on where it was cut off
/reset        begin a new conversation
/quit         leave (also Ctrl-D)
Ctrl-C stops an answer."""


@click.command()
@click.argument("model", required=False)
@click.option("--continue", "id", metavar="ID", help="Go on with a conversation from `mlx-convert conversations list`.")
@click.option("--no-history", is_flag=True, help="Keep nothing of this conversation.")
@answering
@common
def chat(model: str | None, id: str | None, no_history: bool, as_json: bool, **values: Any) -> None:
    """Talk with MODEL, a converted folder or a name in the library.

    From a pipe, each line is one turn. A line `/image FILE` shows a picture with the next turn, to a model that sees.
    With --continue, MODEL may be left out. Numbers that you leave out are those that the model's authors recommend,
    where mlx-convert knows them; an older conversation keeps its own.
    """
    if model is None and id is None:
        raise InvalidRequest("no model was named.", hint="Name one: mlx-convert chat MODEL", code="no_model")
    with workspace(as_json=as_json) as opened:
        earlier = opened.conversations.get(id) if id else None
        with Talk(opened, model, values, conversation=earlier, keep=not no_history, as_json=as_json) as talk:
            talk.load()
            interactive = sys.stdin.isatty() and not as_json
            if interactive:
                _greet(talk)
            _talk(talk, interactive=interactive)
            if interactive and talk.conversation.id and not no_history:
                say(f"Go on with this conversation: {command('mlx-convert chat --continue', talk.conversation.id)}")


def _greet(talk: Talk) -> None:
    import readline  # noqa: F401 - gives input() line editing and history

    say(f"{talk.name} is ready. /help lists what you can type; Ctrl-D ends.")
    if talk.conversation.messages:
        say(f"'{talk.conversation.title}' goes on after {len(talk.conversation.messages)} messages.")


def _talk(talk: Talk, *, interactive: bool) -> None:
    while (line := _line(interactive)) is not None:
        if line.startswith("/"):
            if not _command(talk, line, interactive=interactive):
                return
        elif line.strip():
            talk.answer(line, interactive=interactive)


def _line(interactive: bool) -> str | None:
    """The next turn; None at the end."""
    if not interactive:
        line = read_line()
        return line.rstrip("\n") if line else None
    while True:
        try:
            return input("\n> ")
        except EOFError:
            say()
            return None
        except KeyboardInterrupt:
            say("\n/quit or Ctrl-D leaves.")


def _command(talk: Talk, line: str, *, interactive: bool) -> bool:
    """Carry out a line that begins with a slash; False ends the chat."""
    name, _, rest = line.partition(" ")
    if name in ("/quit", "/exit"):
        return False
    if name == "/reset":
        talk.reset()
        say("A new conversation begins.")
    elif name == "/continue":
        talk.go_on(interactive=interactive)
    elif name in ("/image", "/sound"):
        talk.attach(rest.strip(), interactive=interactive)
    elif name == "/system":
        talk.reset(system=rest.strip())
        say("The system text is set." if rest.strip() else "There is no system text now.")
    else:
        say(HELP if name == "/help" else f"There is no {name}.\n{HELP}")
    return True
