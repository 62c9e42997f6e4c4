"""`mlx-convert account`."""

from __future__ import annotations

import click

from mlx_convert_cli.errors import tell
from mlx_convert_cli.files import read_line
from mlx_convert_cli.groups import DefaultGroup
from mlx_convert_cli.options import common
from mlx_convert_cli.output import ask_hidden, at_terminal, print_json, say
from mlx_convert_cli.waiting import waiting
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import InvalidRequest, Workspace
from mlx_convert_core.plugin import Account, AccountState, plain

TOKEN_STARTS = ("hf_", "api_")


@click.group(cls=DefaultGroup, default="show")
def account() -> None:
    """Show who is signed in to the Hugging Face Hub, sign in and sign out."""


@account.command("show")
@common
def show_accounts(as_json: bool) -> None:
    """Show who is signed in, and where the token comes from."""
    with workspace(as_json=as_json) as opened:
        found = _named(opened)
        with waiting("asking"):
            states = {name: each.state() for name, each in found.items()}
    for name, state in states.items():
        _tell(name, found[name].title, state, as_json=as_json)


@account.command("sign-in")
@click.argument("name", required=False)
@common
def sign_in(name: str | None, as_json: bool) -> None:
    """Sign in with a token, which is asked for, or read from standard input.

    A token is made at https://huggingface.co/settings/tokens; an upload needs one that may write.
    The token is never an argument: arguments stay in the shell's history.

    \b
    mlx-convert account sign-in
    mlx-convert account sign-in < token.txt
    """
    with workspace(as_json=as_json) as opened:
        chosen = _one(opened, name)
        state = chosen.sign_in(_token(chosen))
    _tell(chosen.name, chosen.title, state, as_json=as_json)


@account.command("sign-out")
@click.argument("name", required=False)
@common
def sign_out(name: str | None, as_json: bool) -> None:
    """Forget the token that is stored on this machine."""
    with workspace(as_json=as_json) as opened:
        chosen = _one(opened, name)
        state = chosen.sign_out()
    _tell(chosen.name, chosen.title, state, as_json=as_json)


def _token(chosen: Account) -> str:
    if at_terminal():
        return ask_hidden(f"Token for {chosen.title} (it is not shown)")
    return read_line().strip()


def _named(opened: Workspace) -> dict[str, Account]:
    found = opened.accounts()
    if not found:
        raise InvalidRequest("no plugin has an account.", hint="See `mlx-convert plugins list`.", code="no_account")
    return found


def _one(opened: Workspace, name: str | None) -> Account:
    """The account called ``name``, or the only one."""
    if name and name.startswith(TOKEN_STARTS):
        raise InvalidRequest(
            "a token does not belong on the command line, which the shell remembers.",
            hint="Delete that token at https://huggingface.co/settings/tokens, make a new one, and run"
            " `mlx-convert account sign-in` without it.",
            code="token_shown",
        )
    found = _named(opened)
    if name in found or (name is None and len(found) == 1):
        return found[name] if name else next(iter(found.values()))
    raise InvalidRequest(
        f"there is no account '{name}'." if name else "there are several accounts.",
        hint=f"Name one of: {', '.join(sorted(found))}.",
        code="no_account",
    )


def _tell(name: str, title: str, state: AccountState, *, as_json: bool) -> None:
    if as_json:
        print_json({"account": name, "title": title, **plain(state)})
        return
    if state.problem:
        tell("warning", state.problem, color="yellow")
    if not state.signed_in:
        say(f"{title}: nobody is signed in.")
    else:
        as_whom = f"as {state.user}" if state.user else "as somebody, which can't be checked now"
        say(f"{title}: signed in {as_whom}, by {state.source}.")
