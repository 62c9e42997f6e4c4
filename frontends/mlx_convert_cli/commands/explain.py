"""`mlx-convert explain`."""

from __future__ import annotations

import click

from mlx_convert_cli.errors import step_lines
from mlx_convert_cli.options import common
from mlx_convert_cli.output import print_json, styled, tell_out
from mlx_convert_core.plugin import explain as explanation_of


@click.command()
@click.argument("code")
@common
def explain(code: str, as_json: bool) -> None:
    """Say what CODE means, the word between brackets in an error or a finding, and what to do then."""
    asked = code.strip("[]")
    found = explanation_of(asked)
    if as_json:
        print_json({"code": asked, "cause": found.cause, "remedy": found.remedy})
        return
    tell_out(styled(asked, bold=True), f": {found.cause}")
    for line in step_lines([found.remedy]):
        tell_out(line)
