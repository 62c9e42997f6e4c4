"""`mlx-convert convert`."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from mlx_convert_cli import text
from mlx_convert_cli.findings import finding_texts
from mlx_convert_cli.options import common, convert_request, converting
from mlx_convert_cli.output import at_terminal, say, show, show_command, table
from mlx_convert_cli.plan_view import show_plan
from mlx_convert_cli.progress import follow
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import ConvertRequest, ConvertResult, OutputExists, Workspace

if TYPE_CHECKING:
    from rich.console import RenderableType


@click.command()
@converting
@click.option("--dry-run", is_flag=True, help="Only show the plan, as `mlx-convert plan` does.")
@common
def convert(dry_run: bool, as_json: bool, **values: Any) -> None:
    """Convert the model REF: a repo id, a folder or a .gguf file.

    With a preset made for one model, REF can be left out.

    \b
    mlx-convert convert Qwen/Qwen2.5-0.5B-Instruct
    mlx-convert convert ./my-model --preset 4bit --preset 8bit
    """
    with workspace(as_json=as_json) as opened:
        request = convert_request(opened, values)
        if dry_run:
            show_plan(opened, request, as_json=as_json)
            return
        began = time.monotonic()
        result = _converted(opened, request, as_json=as_json)
    if as_json:
        return
    show(*_summary(result, time.monotonic() - began), err=True)
    example = f'mlx-convert generate {text.typed(result.path)} "What is the capital of France?"'
    show_command("Try it:  ", example, err=True)
    if not sys.stdout.isatty():
        for model in result.models:
            click.echo(model.path)


def _converted(opened: Workspace, request: ConvertRequest, *, as_json: bool) -> ConvertResult:
    """Run the job; an output that exists is replaced only when a person says so."""
    try:
        return follow(opened.convert(request), as_json=as_json)
    except OutputExists as error:
        if as_json or not at_terminal():
            raise
        say(error.message)
        if not click.confirm("Replace it?", default=False, err=True):
            raise
        return follow(opened.convert(replace(request, force=True)), as_json=as_json)


def _summary(result: ConvertResult, seconds: float) -> list[RenderableType]:
    from rich.text import Text

    rows = [
        (model.preset, text.size(model.total_bytes), text.bits(model.bits_per_weight), text.folder(model.path))
        for model in result.models
    ]
    took = f"{text.seconds(seconds)}, peak memory {text.size(result.peak_memory)}"
    findings = finding_texts(finding for model in result.models for finding in model.findings)
    return [
        "",
        table("preset", "size", "bits per weight", "folder", rows=rows, right=("size", "bits per weight")),
        Text(took, "dim"),
        *(["", *findings] if findings else []),
        "",
    ]
