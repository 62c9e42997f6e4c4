"""Get a model that is MLX already: fetched into where its source keeps things, and known to the library."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mlx_convert_core.base import units
from mlx_convert_core.base.identity import is_inside
from mlx_convert_core.converting.places import existing_parent, free_disk
from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.errors import InsufficientDisk, InvalidRequest, UnsupportedModel
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.library_folder import entry_of
from mlx_convert_core.plugins.model_sources import CachedSource
from mlx_convert_core.remedies import UseInstead
from mlx_convert_core.running.context import JobContext
from mlx_convert_core.running.jobs import Job
from mlx_convert_core.running.process import TaskRunner

_MARK = "mlx"  # what cards call MLX's format


def carry_out(job: Job[Any], ref: str, context: JobContext, runner: TaskRunner) -> Path:
    """The folder of the model that ``ref`` names, all of it on this machine; ``runner`` is closed at the end.

    Raises UnsupportedModel (code ``not_mlx``) before anything is fetched, and what fetching raises.
    """
    try:
        with context.step("resolve"):
            source = Sources(context.hooks).of(ref)
        with context.step("inspect"):
            model = source.inspect()
        _refuse(model, kept=model.path is not None or isinstance(source, CachedSource))
        folder = model.path or runner.run(job.id, "fetch", model, Path, job.emit)
        if entry_of(folder) is None:  # whatever its card says
            raise _not_mlx(model)
        return folder
    finally:
        runner.close()


def fetch(model: ModelInfo, context: JobContext) -> Path:
    """Fetch ``model``, which was inspected; its folder. Runs in the worker."""
    source = Sources(context.hooks).of(model.ref, model.revision)
    with tempfile.TemporaryDirectory(prefix="mlx-convert-") as scratch, context.step("fetch"):
        folder = source.fetch(model, Path(scratch), context)
        if is_inside(folder, Path(scratch)):
            raise _not_kept(model)
    return folder


def is_mlx(model: ModelInfo) -> bool:
    """Whether ``model`` says that it is in MLX's format: its files tell once they are here."""
    tags = model.card.get("tags")
    marked = model.card.get("library_name") == _MARK or (isinstance(tags, list | tuple) and _MARK in tags)
    return marked or isinstance(model.config.get("quantization"), dict)


def _refuse(model: ModelInfo, *, kept: bool) -> None:
    if model.path is None and not (is_mlx(model) and model.tensors):
        raise _not_mlx(model)
    if not kept:
        raise _not_kept(model)
    place = model.fetch_folder
    if place is not None and model.fetch_bytes > free_disk(place):
        raise InsufficientDisk(
            f"{model.name} takes {units.size(model.fetch_bytes)} on the disk of {existing_parent(place)};"
            f" {units.size(free_disk(place))} are free.",
            hint="Free some space first.",
            code="disk",
        )


def _not_mlx(model: ModelInfo) -> UnsupportedModel:
    return UnsupportedModel(
        f"{model.name} is no MLX model, so it can't answer as it is.",
        hint="It can be converted.",
        remedies=(UseInstead(model.ref),),
        code="not_mlx",
    )


def _not_kept(model: ModelInfo) -> InvalidRequest:
    return InvalidRequest(
        f"what is fetched of {model.ref} is not kept by its source.",
        hint="Put the model into a folder, and have the library look there.",
        code="not_kept",
    )
