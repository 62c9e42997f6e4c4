"""A plugin of mlx-convert for teams that must tell where each model came from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlx_convert_audit.library import SqliteLibrary
from mlx_convert_audit.log import note
from mlx_convert_core.plugin import (
    ConvertPlan,
    Event,
    Finding,
    GenerateRequest,
    GenerationExtras,
    JobCancelled,
    JobFailed,
    JobFinished,
    JobStarted,
    LayerInfo,
    LibraryStore,
    ModelInfo,
    Preset,
    Quantization,
    QuantizeStrategy,
    hookimpl,
)

_BLOCK = re.compile(r"\.layers\.(\d+)\.")
_PADDING = 0  # token id


@hookimpl
def register_presets() -> Iterable[Preset]:
    """Offer ``audited``."""
    note("register_presets")
    yield Preset(
        name="audited",
        title="Audited 4 bit",
        summary="4 bit with careful ends, for models that leave the house.",
        quantization=Quantization(bits=4),
        strategy="careful_ends",
    )


@hookimpl
def quantize_strategy(name: str, model: ModelInfo, quantization: Quantization) -> QuantizeStrategy | None:
    """Know ``careful_ends``: the first and the last block at 8 bit."""
    if name != "careful_ends":
        return None
    note("quantize_strategy", name=name)
    careful = Quantization(bits=8, group_size=quantization.group_size)

    def strategy(layer: LayerInfo) -> Quantization | None:
        found = _BLOCK.search(layer.path)
        at_an_end = found is not None and int(found[1]) in (0, layer.num_layers - 1)
        return careful if at_an_end else quantization

    return strategy


@hookimpl
def pre_convert(plan: ConvertPlan) -> Iterable[Finding]:
    """Warn when nobody says what may be done with the model."""
    note("pre_convert", ref=plan.request.ref)
    if not plan.model.card.get("license"):
        yield Finding(
            code="no_licence",
            level="warning",
            message=f"{plan.model.name} does not say under which licence it stands.",
            hint="Ask its authors before you pass the result on.",
        )


@hookimpl
def post_convert(plan: ConvertPlan, staging: Path) -> None:
    """Put the audit into the folder."""
    note("post_convert", ref=plan.request.ref)
    licence = plan.model.card.get("license") or "unknown"
    (staging / "AUDIT.md").write_text(
        f"# Audit\n\nSource: {plan.request.ref}\n\nLicence: {licence}\n", encoding="utf-8"
    )


@hookimpl
def on_generate(request: GenerateRequest) -> GenerationExtras:
    """Keep the padding token out of the answer."""
    note("on_generate", prompt=request.prompt)
    return GenerationExtras(logits_processors=(_without_padding,))


@hookimpl
def library_store(home: Path) -> LibraryStore:
    """Keep the library in SQLite."""
    note("library_store")
    return SqliteLibrary(home / "audit.db")


@hookimpl
def on_event(event: Event) -> None:
    """Note how every job began and ended."""
    if isinstance(event, JobStarted | JobFinished | JobFailed | JobCancelled):
        note("on_event", event=type(event).__name__, job=event.job)


def _without_padding(tokens: Any, logits: Any) -> Any:
    logits[:, _PADDING] = float("-inf")
    return logits
