"""Next steps as commands to paste: what the person typed, with what is to be different in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from mlx_convert_cli.arguments import ARGUMENTS
from mlx_convert_core.plugin import (
    ChooseOutput,
    LeaveOut,
    OpenPage,
    Remedy,
    Replace,
    Report,
    RunCommand,
    RunElsewhere,
    SetOption,
    SignIn,
    UseInstead,
    command,
    without_secrets,
)

# Commands that make one request of what was typed, so that it can be typed again with an option more or less.
_REPEATED = ("bench", "chat", "compare", "convert", "generate", "measure", "plan", "upload")
_SHORT = {"-o": "--output", "-p": "--preset"}
_FLAGS = (
    "allow_overflow", "anyway", "dequantize", "discard_source", "force", "no_verify", "public", "replace", "resume",
    "text_only", "trust_remote_code",
)  # fmt: skip
_BUDGETS = {"bpw": "--bpw", "fit": "--fit", "kl": "--max-kl"}  # strategies that have an option of their own
_SAME = {"strategy": ("--strategy", "--context", *_BUDGETS.values())}  # each takes the place of the others
_MISSING = {"library scan": "FOLDER", "recipe export": "MODEL"}  # what such a command can't do without
LONGEST = 400  # characters; a command with a long prompt in it would hide what is to be different


def next_steps(hint: str, remedies: Iterable[Remedy], arguments: Sequence[str] | None = None) -> list[str]:
    """The lines after ``next:``; ``arguments`` are what was typed, None takes those of the running command."""
    if arguments is None:
        context = click.get_current_context(silent=True)
        arguments = context.meta.get(ARGUMENTS, ()) if context else ()
    commands = [in_words(remedy, arguments) for remedy in remedies]
    if len(commands) == 1 and hint and not any(mark in hint for mark in ":?"):
        return [f"{hint.removesuffix('.')}: {commands[0]}"]
    return [*filter(None, [hint]), *commands]


def in_words(remedy: Remedy, arguments: Sequence[str] = ()) -> str:
    """``remedy`` as a command, an option or an address."""
    match remedy:
        case SetOption(option=option, value=value):
            return _again(arguments, option, value)
        case LeaveOut(option=option):
            return _without(arguments, option)
        case Replace():
            return _again(arguments, "replace" if list(arguments[:1]) == ["upload"] else "force", True)
        case ChooseOutput(path=path):
            return _again(arguments, "output", Path(path) if path else None)
        case UseInstead(ref=ref, adapter=adapter):
            fused = ("--adapter", _word(adapter)) if adapter else ()
            return command("mlx-convert convert", _word(ref), *fused)
        case SignIn(account=account):
            return command("mlx-convert account sign-in", *filter(None, [account]))
        case OpenPage(address=address):
            return address
        case Report():
            return "run it again with --debug, and report what it prints"
        case RunElsewhere(line=line):
            return line
        case RunCommand(name=name, arguments=given, options=options):
            return command("mlx-convert " + name, *map(_word, given), *map(_flag, options)) + (
                f" {_MISSING[name]}" if name in _MISSING and not given else ""
            )


def _again(arguments: Sequence[str], option: str, value: object) -> str:
    """What was typed, with ``option`` set to ``value``; None has the person fill it in."""
    if option == "ref":
        return "mlx-convert convert REF" + (f" {_typed(arguments[1:])}" if len(arguments) > 1 else "")
    if value is False:
        return _again(arguments, f"no_{option}", True)
    added: list[str | Path] = [_flag(option)]
    kind, colon, number = str(value).partition(":")
    if option == "strategy" and colon and kind in _BUDGETS:
        size, _, context = number.rpartition("-")  # of this-mac-16k
        added = [*(("--context", context) if size else ()), _BUDGETS[kind]]
        value = size or number
    if value is not True:
        added.append(_Open(option.upper()) if value is None else _word(value))
    return _whole(arguments, option, added)


def _without(arguments: Sequence[str], option: str) -> str:
    kept = _left(arguments, option)
    typed = f"mlx-convert {_typed(kept)}"
    known = arguments and arguments[0] in _REPEATED and len(kept) < len(arguments)
    return typed if known and len(typed) <= LONGEST else f"leave {_flag(option)} out"


def _whole(arguments: Sequence[str], option: str, added: Sequence[str | Path]) -> str:
    repeated = bool(arguments) and arguments[0] in _REPEATED
    outputs = [word for word in arguments if word.startswith(("-p", "--preset"))]
    if not repeated or (option == "output" and len(outputs) > 1):  # each preset has an output of its own
        return _typed(added)
    kept = _left(arguments, option)
    at = kept.index("--") if "--" in kept else len(kept)
    typed = f"mlx-convert {_typed([*kept[:at], *added, *kept[at:]])}"
    return typed if len(typed) <= LONGEST else _typed(added)


def _left(arguments: Sequence[str], option: str) -> list[str]:
    """``arguments`` without ``option`` and its value."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        name, equals, _ = word.partition("=")
        typed = _SHORT.get(name[:2] if not name.startswith("--") else name, name)
        if typed not in _SAME.get(option, (_flag(option),)):
            kept.append(word)
        elif option not in _FLAGS and not equals and (name.startswith("--") or len(name) == 2):
            next(words, None)
    return kept


class _Open(str):
    """A word that the person fills in."""

    __slots__ = ()


def _typed(words: Sequence[str | Path]) -> str:
    return " ".join(
        str(word) if isinstance(word, _Open) else command("", without_secrets(word) if isinstance(word, str) else word)
        for word in words
    )


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _word(value: object) -> str | Path:
    """A place on this machine as a path, so that it is typed as one."""
    text = str(value)
    return Path(text) if isinstance(value, Path) or text.startswith("/") else text
