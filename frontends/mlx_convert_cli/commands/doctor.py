"""`mlx-convert doctor`."""

from __future__ import annotations

import click

from mlx_convert_cli.errors import step_lines
from mlx_convert_cli.health import Check, State, checks
from mlx_convert_cli.options import common
from mlx_convert_cli.output import print_json, styled, tell_out
from mlx_convert_core import Workspace

_COLORS = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


@click.command()
@click.option("--clear", is_flag=True, help="Remove what killed programs left behind, so that --resume finds nothing.")
@common
def doctor(clear: bool, as_json: bool) -> None:
    """Check this machine and this installation; exit code 1 says that something must be mended."""
    found: list[Check] = []
    with Workspace() as opened:
        for check in checks(opened, clear=clear):
            found.append(check)
            if not as_json:
                _show(check)
    if as_json:
        print_json(found)
    if any(check.state is State.FAIL for check in found):
        click.get_current_context().exit(1)


def _show(check: Check) -> None:
    tell_out(styled(f"{check.state:<4}", fg=_COLORS[check.state]), f"  {check.name:<15}  {check.detail}")
    for line in step_lines(filter(None, [check.hint]), indent="    "):
        tell_out(line)
