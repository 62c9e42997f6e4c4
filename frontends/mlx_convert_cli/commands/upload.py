"""`mlx-convert upload`."""

from __future__ import annotations

from pathlib import Path

import click

from mlx_convert_cli.options import common
from mlx_convert_cli.output import print_json, put, show_table, table
from mlx_convert_cli.uploads import send
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import InvalidRequest, UploadRequest, Workspace


@click.command()
@click.argument("model", required=False)
@click.option("--to", metavar="TARGET:NAME", help="Where to: hub:me/Name, folder:lmstudio, folder:/path/to/models …")
@click.option("--public", is_flag=True, help="Let everybody see a new repo; without it, it is private.")
@click.option("--replace", is_flag=True, help="Write over another model that is there.")
@click.option("--preview", is_flag=True, help="Only show the model card that would be sent.")
@click.option("--targets", is_flag=True, help="List the places that a model can be sent to.")
@common
def upload(
    model: str | None, to: str | None, public: bool, replace: bool, preview: bool, targets: bool, as_json: bool
) -> None:
    """Send the converted model MODEL, a folder or a name in the library, to the Hub or into a folder.

    \b
    mlx-convert upload Qwen2.5-0.5B-Instruct-MLX-4bit --to hub:me/Qwen2.5-0.5B-Instruct-MLX-4bit
    mlx-convert upload ./models/Qwen2.5-0.5B-Instruct-MLX-4bit --to folder:lmstudio
    """
    with workspace(as_json=as_json) as opened:
        if targets:
            _list(opened, as_json=as_json)
            return
        if not model or not to:
            raise InvalidRequest(
                "an upload needs a model and a place to send it to.",
                hint="mlx-convert upload MODEL --to hub:me/Name, or --to folder:lmstudio",
                code="upload_target",
            )
        path = opened.model_path(model)
        if preview:
            _preview(opened, UploadRequest.to(path, to, public=public, replace=replace), as_json=as_json)
            return
        send(opened, path, to, public=public, replace=replace, as_json=as_json)


def _preview(opened: Workspace, request: UploadRequest, *, as_json: bool) -> None:
    card = opened.preview_upload(request)
    if as_json:
        print_json({"card": card, "path": Path(request.path)})
    else:
        put(card, nl=not card.endswith("\n"))


def _list(opened: Workspace, *, as_json: bool) -> None:
    found = [{"name": target.name, "summary": target.summary} for target in opened.upload_targets().values()]
    if as_json:
        print_json(found)
        return
    show_table(table("target", "what its names look like", rows=[(row["name"], row["summary"]) for row in found]))
