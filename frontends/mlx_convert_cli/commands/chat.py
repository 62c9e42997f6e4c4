"""`mlx-convert chat`."""

from __future__ import annotations

import sys
from typing import Any

import click

from mlx_convert_cli.conversation import Conversation
from mlx_convert_cli.options import common, sampling
from mlx_convert_cli.output import say
from mlx_convert_cli.workspace import workspace

HELP = """/system TEXT  say how the model should behave (empty: nothing); starts anew
/reset        forget the conversation
/quit         leave (also Ctrl-D)
Ctrl-C stops an answer."""


@click.command()
@click.argument("model")
@sampling
@common
def chat(model: str, as_json: bool, **values: Any) -> None:
    """Talk with MODEL, a converted folder or a name in the library.

    From a pipe, each line is one turn.
    """
    with workspace(as_json=as_json) as opened, Conversation(opened, model, values, as_json=as_json) as conversation:
        conversation.load()
        _talk(conversation, interactive=sys.stdin.isatty() and not as_json)


def _talk(conversation: Conversation, *, interactive: bool) -> None:
    if interactive:
        import readline  # noqa: F401 - gives input() line editing and history

        say(f"{conversation.name} is ready. /help lists what you can type; Ctrl-D ends.")
    while (line := _line(interactive)) is not None:
        if line.startswith("/"):
            if not _command(conversation, line):
                return
        elif line.strip():
            conversation.answer(line, interactive=interactive)


def _line(interactive: bool) -> str | None:
    """The next turn; None at the end."""
    if not interactive:
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None
    while True:
        try:
            return input("\n> ")
        except EOFError:
            say()
            return None
        except KeyboardInterrupt:
            say("\n/quit or Ctrl-D leaves.")


def _command(conversation: Conversation, line: str) -> bool:
    """Carry out a line that begins with a slash; False ends the chat."""
    name, _, rest = line.partition(" ")
    if name in ("/quit", "/exit"):
        return False
    if name == "/reset":
        conversation.reset()
        say("The conversation is forgotten.")
    elif name == "/system":
        conversation.reset(system=rest.strip())
        say("The system text is set." if rest.strip() else "There is no system text now.")
    else:
        say(HELP if name == "/help" else f"There is no {name}.\n{HELP}")
    return True
