"""What a model is measured against: the source that a person names, or the one that it was made from, if it is here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from mlx_convert_core.base.paths import expanded
from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.errors import MeasuringFailed, MlxConvertError
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.library import LibraryEntry
from mlx_convert_core.model.measurements import MeasureRequest
from mlx_convert_core.model.record import read_record
from mlx_convert_core.plugins.model_sources import CachedSource

GONE = (
    "{source} is not on this machine any more, so this model can't be compared with it: only its perplexity is"
    " measured. Name the source, or where it lies, to have both compared."
)

FUSED = (
    "{adapters} was fused into this model, and its source is without: only its perplexity is measured. Convert the"
    " source to bf16 with the same, and name that, to have both compared."
)


def source_of(
    request: MeasureRequest, path: Path, entry: LibraryEntry | None, sources: Sources
) -> tuple[ModelInfo | None, str]:
    """The source to measure the model in ``path`` against, or None and a sentence on why there is none.

    One that was named is asked for, wherever it lies; any other has to be here. Raises what inspecting it raises, and
    MeasuringFailed (code ``no_weights``) for one without weights that a model class could take.
    """
    if request.against:
        model = sources.of(request.against, request.revision).inspect()
        if not model.tensors:
            raise MeasuringFailed(
                f"{model.name} has no weights that a model can be compared with.",
                hint="Name a folder or a repo with config.json and model*.safetensors, or a .gguf file.",
                code="no_weights",
            )
        return model, ""
    record = read_record(path)
    if record is not None and record.adapters:
        return None, FUSED.format(adapters=" and ".join(one.ref for one in record.adapters))
    named = list(_named(path, entry))
    for ref, revision in named:
        found = _here(ref, revision, sources)
        if found is not None and found.tensors:
            return found, ""
    if not named:
        return None, "Nothing says what this model was made from: only its perplexity is measured."
    return None, GONE.format(source=named[-1][0])


def _named(path: Path, entry: LibraryEntry | None) -> Iterator[tuple[str, str | None]]:
    """What may be the source, with its commit: a place on this machine that the library knows, a repo in the record."""
    if entry is not None and entry.source:
        yield entry.source, entry.revision
    record = read_record(path)
    if record is not None and record.source.ref and (entry is None or record.source.ref != entry.source):
        yield record.source.ref, record.source.revision


def _here(ref: str, revision: str | None, sources: Sources) -> ModelInfo | None:
    """The model that ``ref`` names, if all of it is on this machine; asks no network."""
    try:
        if os.path.lexists(expanded(ref)):
            return sources.of(ref).inspect()
        source = sources.of(ref, revision)
        return source.cached() if isinstance(source, CachedSource) else None
    except MlxConvertError:
        return None
