"""Every error in one form, for people or as JSON, and its exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from mlx_convert_cli.arguments import asked

if TYPE_CHECKING:
    from mlx_convert_core import MlxConvertError
    from mlx_convert_core.plugin import ErrorInfo

CANCELLED = 130


class AlreadyTold(Exception):
    """An error that was told as a job's last event; only its exit code is left to give."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def report(error: BaseException, arguments: Sequence[str]) -> int:
    """Tell ``error`` and return its exit code; the traceback is for those who ask with --debug."""
    from mlx_convert_cli.output import say
    from mlx_convert_cli.remedies import next_steps

    if asked(arguments, "--debug"):
        import traceback

        say("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, AlreadyTold):
        return error.exit_code
    if isinstance(error, OSError) and _closed_pipe(error):
        return 1
    info, exit_code = _described(error)
    if asked(arguments, "--json"):
        _tell_program(info)
    elif exit_code == CANCELLED:
        if isinstance(error, click.Abort) and error.__cause__ is None:
            say()  # ends the line of the question that was left unanswered
        say(f"{info.message} {info.hint}".strip())
    else:
        steps = next_steps(info.hint, info.remedies, arguments)
        tell(f"error [{info.code}]", info.message, steps, color="red")
    return exit_code


def tell_error(error: MlxConvertError | ErrorInfo) -> None:
    """An error that ends only a part of what a command does, with its next step."""
    from mlx_convert_cli.remedies import next_steps

    tell(f"error [{error.code}]", error.message, next_steps(error.hint, error.remedies), color="red")


def tell(label: str, message: str, steps: Sequence[str] = (), *, color: str, indent: str = "") -> None:
    """``label: message`` and, on lines below, the next step; on standard error."""
    from mlx_convert_cli.output import say, styled

    say(indent, styled(label, fg=color, bold=True), f": {indented(message)}")
    for line in step_lines(steps, indent):
        say(line)


def step_lines(steps: Iterable[str], indent: str = "") -> Iterator[str]:
    """The lines below an error, a finding or a check that say what to do next."""
    for index, step in enumerate(steps):
        yield f"{indent}{'        ' if index else '  next: '}{indented(step)}"


def indented(text: str) -> str:
    """Lines after the first stand apart from ours: a name may hold a line that looks like one."""
    return text.replace("\n", "\n    ")


def _described(error: BaseException) -> tuple[ErrorInfo, int]:
    from mlx_convert_core import MlxConvertError
    from mlx_convert_core.plugin import ErrorInfo

    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return ErrorInfo(kind="Cancelled", code="cancelled", message="cancelled."), CANCELLED
    if isinstance(error, click.ClickException):
        return ErrorInfo(kind="UsageError", code="usage", message=_sentence(error), hint=_help(error)), 2
    return ErrorInfo.of(error), error.exit_code if isinstance(error, MlxConvertError) else 1


def _sentence(error: click.ClickException) -> str:
    message = error.format_message().strip()
    return message if message.endswith((".", "?", "!")) else f"{message}."


def _help(error: click.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    return f"{ctx.command_path if ctx else 'mlx-convert'} --help"


def _tell_program(info: ErrorInfo) -> None:
    from mlx_convert_cli.output import print_json

    told = {name: getattr(info, name) for name in ("kind", "code", "message", "hint", "remedies")}
    print_json({"error": told})


def _closed_pipe(error: OSError) -> bool:
    """Whether the reader of our output has left; nothing more can be told then."""
    if not isinstance(error, BrokenPipeError):
        return False
    sys.stdout = sys.stderr  # keeps the interpreter from flushing into the closed pipe
    return True
