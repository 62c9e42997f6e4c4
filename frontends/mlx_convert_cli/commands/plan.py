"""`mlx-convert plan`."""

from __future__ import annotations

from typing import Any

import click

from mlx_convert_cli.options import common, convert_request, converting
from mlx_convert_cli.plan_view import show_plan
from mlx_convert_cli.workspace import workspace


@click.command()
@converting
@click.option("--estimate", is_flag=True, help="Sizes from file headers alone: at once, nearly exact.")
@common
def plan(estimate: bool, as_json: bool, **values: Any) -> None:
    """Show what converting REF would do, without reading a weight.

    Exit code 1 says that the conversion would be refused.
    """
    with workspace(as_json=as_json) as opened:
        show_plan(opened, convert_request(opened, values), as_json=as_json, exact=not estimate)
