"""`mlx-convert recipe`."""

from __future__ import annotations

from pathlib import Path

import click

from mlx_convert_cli import text
from mlx_convert_cli.files import write_text
from mlx_convert_cli.options import common
from mlx_convert_cli.output import pairs, print_json, put, say, show
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import Recipe, load_recipe, to_json
from mlx_convert_core.plugin import RecipeOutput, command, recipe_of


@click.group()
def recipe() -> None:
    """Share how a model was made: a small JSON file for `convert --recipe`."""


@recipe.command("export")
@click.argument("model")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="The new file; without it, standard output.")
@common
def export_recipe(model: str, output: str | None, as_json: bool) -> None:
    """Write the recipe by which MODEL was made: a converted folder or a name in the library.

    It names the model on the Hub and the numbers, never a folder of this machine.
    """
    with workspace(as_json=as_json) as opened:
        made = recipe_of(opened.model_path(model), opened.sources.shareable)
    data = to_json(made, indent=True).decode()
    if output is None:
        print_json(made) if as_json else put(data, nl=False)
        return
    write_text(Path(output), data)
    print_json({"file": output, "recipe": made}) if as_json else say(f"Wrote {output}.")
    if "ref" not in made and not as_json:
        say("What the model was made from means nothing on another machine, so the recipe does not name it.")


@recipe.command("show")
@click.argument("file", type=click.Path(dir_okay=False))
@common
def show_recipe(file: str, as_json: bool) -> None:
    """Show what the recipe FILE makes, without doing it."""
    found = load_recipe(Path(file))
    if as_json:
        print_json(found.data())
        return
    facts = {"model": found.ref or "yours to choose", "revision": found.revision or ""}
    made = [(f"output {number}", _numbers(output)) for number, output in enumerate(found.outputs, start=1)]
    if found.calibration_sha256:
        facts["text"] = f"sha256 {found.calibration_sha256[:12]}…"
    rows = [*((name, value) for name, value in facts.items() if value), *made]
    show(pairs((name, value) for name, value in rows))
    say(f"\nMake it:  {_command(found, file)}")


def _numbers(output: RecipeOutput) -> str:
    parts = [
        output.preset or "the default preset",
        f"{output.bits} bit" if output.bits else "",
        f"group {output.group_size}" if output.group_size else "",
        output.mode if output.mode not in (None, "affine") else "",
        f"strategy {output.strategy}" if output.strategy else "",
        f"method {output.method}" if output.method else "",
        output.dtype or "",
    ]
    return ", ".join(part for part in parts if part)


def _command(found: Recipe, file: str) -> str:
    return command("mlx-convert convert", *["REF"] * (not found.ref), "--recipe", text.nearby(Path(file).absolute()))
