"""`mlx-convert architectures`."""

from __future__ import annotations

import click

from mlx_convert_core.plugin import to_json
from mlx_convert_lm.architectures import model_types


@click.command()
@click.argument("pattern", default="")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def architectures(pattern: str, as_json: bool) -> None:
    """List the model types that the installed mlx-lm can convert, or those that contain PATTERN."""
    found = [name for name in model_types() if pattern.lower() in name.lower()]
    if as_json:
        click.echo(to_json(found))
        return
    for name in found:
        click.echo(name)
    click.echo(f"{len(found)} of {len(model_types())} model types", err=True)
