"""A plan, for people and for programs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from mlx_convert_cli import text
from mlx_convert_cli.findings import finding_texts
from mlx_convert_cli.output import pairs, print_json, show, table
from mlx_convert_cli.waiting import waiting
from mlx_convert_core import ConvertPlan, ConvertRequest, OutputPlan, Workspace
from mlx_convert_core.plugin import NEAREST, fit, plain, units

if TYPE_CHECKING:
    from rich.console import RenderableType


def show_plan(opened: Workspace, request: ConvertRequest, *, as_json: bool, exact: bool = True) -> None:
    """Print the plan of ``request``; leaves with exit code 1 when it is refused."""
    quiet: AbstractContextManager[None] = nullcontext()
    with quiet if as_json else waiting("planning"):
        plan = opened.plan(request, exact=exact)
    if as_json:
        print_json(as_data(plan))
    else:
        show(*_parts(plan))
    if plan.errors:
        click.get_current_context().exit(1)


def as_data(plan: ConvertPlan) -> dict[str, Any]:
    """The plan for programs, without its thousands of tensors."""
    model = plan.model
    return {
        "ready": not plan.errors,
        "exact": plan.exact,
        "converter": plan.converter,
        "model": {
            "ref": model.ref,
            "name": model.name,
            "repo_id": model.repo_id,
            "revision": model.revision,
            "model_type": model.model_type,
            "parameters": model.parameters,
            "weight_bytes": model.weight_bytes,
        },
        "outputs": [_output_data(output, plan) for output in plan.outputs],
        "findings": plain(plan.findings),
        "calibration": plain(plan.calibration),
        "fetch_bytes": plan.fetch_bytes,
        "peak_memory": plan.peak_memory,
        "free_memory": plan.free_memory,
        "free_disk": plan.free_disk,
    }


def _output_data(output: OutputPlan, plan: ConvertPlan) -> dict[str, Any]:
    data: dict[str, Any] = plain(output)
    del data["tensors"]
    found = fit(output.weight_bytes, plan.model.config)
    return {
        **data,
        "quantized": len(output.quantized),
        "bits_per_weight": output.bits_per_weight,
        "fit": {**plain(found), "needed": found.needed, "verdict": found.verdict},
    }


def _parts(plan: ConvertPlan) -> list[RenderableType]:
    from rich.text import Text

    verdict = Text("This can't be converted as it is.", "bold red") if plan.errors else Text("Ready.", "bold green")
    findings = finding_texts(plan.findings)
    return [
        Text(_title(plan), "bold"),
        *(["", _sizes(plan), "", pairs(_needs(plan))] if plan.converter else []),
        *(["", *findings] if findings else []),
        "",
        verdict,
    ]


def _title(plan: ConvertPlan) -> str:
    model = plan.model
    facts = [model.name, model.model_type]
    if model.tensors:
        facts += [f"{units.count(model.parameters)} parameters", units.size(model.weight_bytes)]
    return text.one_line(" · ".join(fact for fact in facts if fact))


def _sizes(plan: ConvertPlan) -> RenderableType:
    at_most = any(output.at_most for output in plan.outputs)
    size = "size (at most)" if at_most else "size" if plan.exact else "size (estimate)"
    rows = [
        (
            output.label,
            _numbers(output),
            units.size(output.weight_bytes),
            units.bits(output.bits_per_weight),
            fit(output.weight_bytes, plan.model.config).words if output.weight_bytes else "",
            text.folder(output.path),
        )
        for output in plan.outputs
    ]
    columns = ("preset", "numbers", size, "bits per weight", "to answer", "folder")
    return table(*columns, rows=rows, right=(size, "bits per weight"))


def _numbers(output: OutputPlan) -> str:
    numbers = str(output.quantization or output.dtype or "unquantized")
    if output.at_most:
        numbers = "for each layer by what it loses"
    return numbers if output.method == NEAREST else f"{numbers}, {text.one_line(output.method)}"


def _needs(plan: ConvertPlan) -> list[tuple[str, RenderableType]]:
    written = sum(output.weight_bytes for output in plan.outputs)
    disk = f"{units.size(written)} to write"
    if plan.fetch_bytes:
        disk = f"{units.size(plan.fetch_bytes)} to fetch, {disk}"
    rows: list[tuple[str, RenderableType]] = [("disk", f"{disk}; {units.size(plan.free_disk)} free")]
    if plan.peak_memory:
        rows.append(("memory", f"about {units.size(plan.peak_memory)}; {units.size(plan.free_memory)} free"))
    if plan.calibration is not None:
        rows.append(("calibration", text.one_line(plan.calibration.words)))
    for output in plan.outputs:
        if output.replaces is not None and not output.replaces.stays:
            rows.append(("replaces", text.one_line(f"{text.folder(output.path)}, {output.replaces.words}")))
    return rows
