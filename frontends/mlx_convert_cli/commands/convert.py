"""`mlx-convert convert`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from mlx_convert_cli import text
from mlx_convert_cli.errors import AlreadyTold, tell
from mlx_convert_cli.findings import finding_texts
from mlx_convert_cli.measuring import check_source_stays, measure_converted
from mlx_convert_cli.options import common, convert_request, converting
from mlx_convert_cli.output import at_terminal, confirm, put, say, show, show_command, table
from mlx_convert_cli.plan_view import show_plan
from mlx_convert_cli.progress import follow
from mlx_convert_cli.uploads import check_before_conversion, send
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import (
    ConversionFailed,
    ConvertRequest,
    ConvertResult,
    MlxConvertError,
    OutputExists,
    PreflightFailed,
    Workspace,
)
from mlx_convert_core.plugin import command, layers_in_words, units

if TYPE_CHECKING:
    from rich.console import RenderableType


# What is asked for the code of an error, and what a yes changes in the request.
_CONSENTS: dict[str, tuple[str, dict[str, bool]]] = {
    "exists": ("Replace it?", {"force": True}),
    "text_only": ("Convert the text model alone?", {"text_only": True}),
    "overflow": ("Convert it again, and have such values in the result?", {"allow_overflow": True}),
}


@click.command()
@converting
@click.option("--upload", metavar="TARGET:NAME", help="Send the result there afterwards, e.g. hub:me/Name.")
@click.option("--public", is_flag=True, help="Let everybody see what --upload makes; without it, it is private.")
@click.option("--measure", "measuring", is_flag=True, help="Measure afterwards how close the result is to its source.")
@click.option("--dry-run", is_flag=True, help="Only show the plan, as `mlx-convert plan` does.")
@common
def convert(dry_run: bool, upload: str | None, public: bool, measuring: bool, as_json: bool, **values: Any) -> None:
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
        if measuring:
            check_source_stays(request)
        if upload:
            check_before_conversion(opened, request, upload, public=public)
        began = time.monotonic()
        result = _converted(opened, request, as_json=as_json)
        if not as_json:
            _tell(request, result, time.monotonic() - began)
        if measuring:
            _measure(opened, request, result, as_json=as_json)
        if upload:
            _send(opened, result, upload, public=public, as_json=as_json)
        if result.skipped:
            if not as_json:
                _tell_skipped(result)
            raise AlreadyTold(1)


def _measure(opened: Workspace, request: ConvertRequest, result: ConvertResult, *, as_json: bool) -> None:
    try:
        measure_converted(opened, request, result, as_json=as_json)
    except MlxConvertError:
        if not as_json:
            again = command("mlx-convert measure", *(text.nearby(model.path) for model in result.models))
            show_command("The model is whole. To measure it later: ", again, err=True)
        raise


def _send(opened: Workspace, result: ConvertResult, to: str, *, public: bool, as_json: bool) -> None:
    try:
        send(opened, result.path, to, public=public, replace=False, as_json=as_json)
    except MlxConvertError:
        if not as_json:
            again = command("mlx-convert upload", text.nearby(result.path), "--to", to)
            show_command("The model is whole. To send it later: ", again, err=True)
        raise


def _tell_skipped(result: ConvertResult) -> None:
    """Outputs that were asked for and not made; what is there is replaced by the same command with --force."""
    for output in result.skipped:
        steps = ["Add --force to replace it, or name another folder with --output."]
        tell("error [exists]", f"{output.path} was not made: {output.reason}.", steps, color="red")


def _tell(request: ConvertRequest, result: ConvertResult, seconds: float) -> None:
    show(*_summary(result, seconds), err=True)
    trusted = ("--trust-remote-code",) if request.trust_remote_code else ()
    asked = command("mlx-convert generate", *trusted, text.nearby(result.path))
    example = f'{asked} "What is the capital of France?"'
    show_command("Try it:  ", example, err=True)
    if not sys.stdout.isatty():
        for model in result.models:
            put(str(model.path))


def _converted(opened: Workspace, request: ConvertRequest, *, as_json: bool) -> ConvertResult:
    """Run the job; what a person has to agree to is asked at a terminal, one after the other."""
    try:
        return follow(opened.convert(request), as_json=as_json)
    except (OutputExists, PreflightFailed, ConversionFailed) as error:
        question, agreed = _CONSENTS.get(error.code, ("", {}))
        if as_json or not question or not at_terminal():
            raise
        say(error.message)
        if not confirm(question):
            raise
        return _converted(opened, replace(request, **agreed), as_json=as_json)


def _summary(result: ConvertResult, seconds: float) -> list[RenderableType]:
    from rich.text import Text

    rows = [
        (model.label, units.size(model.total_bytes), units.bits(model.bits_per_weight), text.folder(model.path))
        for model in result.models
    ]
    took = f"{units.duration(seconds)}, peak memory {units.size(result.peak_memory)}"
    findings = finding_texts(finding for model in result.models for finding in model.findings)
    return [
        "",
        table("preset", "size", "bits per weight", "folder", rows=rows, right=("size", "bits per weight")),
        *_verifications(result),
        *_choices(result),
        Text(took, "dim"),
        *(["", *findings] if findings else []),
        "",
    ]


def _choices(result: ConvertResult) -> Iterator[RenderableType]:
    """Which layers have how many bits, of each model whose layers were measured: a line or two."""
    from rich.text import Text

    for model in result.models:
        if model.chosen is not None:
            named = f"{model.preset}: " if len(result.models) > 1 else ""
            yield Text(f"{named}Bits {model.chosen.words}:")
            yield Text(f"  {text.one_line(layers_in_words(model.layers))}")


def _verifications(result: ConvertResult) -> Iterator[RenderableType]:
    """A line for each model that was to be tried."""
    from rich.text import Text

    for model in result.models:
        if model.verification is not None:
            named = f"{model.label}: " if len(result.models) > 1 else ""
            yield Text(named + model.verification.words, "green" if model.verification.passed else "yellow")
