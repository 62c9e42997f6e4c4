"""A model that may be converted on a terminal: what is known of it before a weight is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlx_convert_cli.findings import finding_texts
from mlx_convert_cli.output import pairs, show, show_command, show_table, tell_out
from mlx_convert_cli.output import table as made_table
from mlx_convert_core.plugin import Fit, SourceDetails, command, plain, units


def show_source(found: SourceDetails) -> None:
    """Print everything but the card."""
    show(pairs(_facts(found)))
    if found.outputs:
        rows = ((one.label, f"≈ {units.size(one.weight_bytes)}", found.fit(one).words) for one in found.outputs)
        tell_out()
        show_table(made_table("preset", "size", "to answer", rows=rows, right=("size",)))
    if found.published:
        there = ((hit.model.ref, units.size(hit.weight_bytes) if hit.weight_bytes else "") for hit in found.published)
        tell_out()
        show_table(made_table("converted already", "size", rows=there, right=("size",)))
    if found.model.files:
        files = ((file.name, units.size(file.size)) for file in found.model.files)
        tell_out()
        show_table(made_table("files", "size", rows=files, right=("size",)))
    said = {"already_converted"} if found.published else set()
    findings = (finding for finding in (*found.findings, *found.troubles) if finding.code not in said)
    texts = finding_texts(findings)
    if texts:
        show("", *texts)
    for label, line in _next(found):
        show_command(label, line, err=True)


def source_data(found: SourceDetails) -> dict[str, Any]:
    """What JSON has of it, without the thousands of tensors."""
    model = found.model
    return {
        "ref": model.ref,
        "name": model.name,
        "repo_id": model.repo_id,
        "revision": model.revision,
        "page": model.page,
        "ready": found.ready,
        "refused": plain(found.refused),
        "model_type": model.model_type,
        "parameters": model.parameters,
        "weight_bytes": model.weight_bytes,
        "dtype": model.dtype,
        "context": found.context,
        "licence": found.licence,
        "base_models": plain(found.base_models),
        "list": plain(found.about.found),
        "fit": _fit_data(found.fit()),
        "outputs": [
            {"preset": one.label, "weight_bytes": one.weight_bytes, "fit": _fit_data(found.fit(one))}
            for one in found.outputs
        ],
        "published": plain(found.published),
        "files": plain(model.files),
        "findings": plain((*found.findings, *found.troubles)),
        "card": found.about.card,
    }


def _fit_data(fit: Fit) -> dict[str, Any]:
    return {**plain(fit), "needed": fit.needed, "verdict": fit.verdict}


def _facts(found: SourceDetails) -> Iterator[tuple[str, str]]:
    yield "name", found.model.name
    yield "verdict", _verdict(found)
    for name, value in found.facts():
        yield name, value[:10] if name == "updated" else value
    if found.about.found is not None and found.about.found.gated:
        yield "access", "its owner wants to be asked"
    if found.ready:
        yield "fits here", f"{found.fit().words}. {found.fit().reason}"


def _verdict(found: SourceDetails) -> str:
    if found.ready:
        return "MLX already: it answers as it is"
    return "can't be converted" if found.refused is not None else "can be converted"


def _next(found: SourceDetails) -> Iterator[tuple[str, str]]:
    ref = found.model.ref
    if found.ready:
        yield "Get it: ", command("mlx-convert get", ref)
    elif found.refused is None:
        yield "Convert it: ", command("mlx-convert convert", ref)
