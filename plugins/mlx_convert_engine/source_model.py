"""The source of a conversion: which state of it this is, whether it runs as it is stored, how it is loaded lazily."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import (
    DecodedModel,
    DecodedTensor,
    ModelInfo,
    SetOption,
    UnsupportedModel,
    file_names,
    regular_files,
    stamp_of,
)
from mlx_convert_engine.eight_bit_floats import expansions
from mlx_convert_engine.stand_in import standing_in
from mlx_convert_engine.stored_types import loads_as_it_is, of_torch, shown


def undecoded(model: ModelInfo) -> DecodedModel:
    """``model`` as it is stored, with no decoder."""
    return DecodedModel(stored=model, model=model)


def made_of(model: ModelInfo) -> tuple[Any, ...]:
    """What tells one state of a source from another."""
    return model.revision, [(path.name, stamp_of(path)) for path in _weights(model)], dict(model.config)


def why_not_run(source: DecodedModel) -> str:
    """What keeps a model from being run as it is stored, "" when it can be.

    Of what is decoded, 8-bit floats can be expanded while a model runs; what stands for itself, a source gives whole.
    """
    model = source.stored
    if model.adapters:
        return f"the adapter {model.adapters[0].name} beside it"
    pairs = zip(model.tensors, shown(undecoded(model)), strict=True)
    odd = next((f"{tensor.dtype} ({tensor.name})" for tensor, seen in pairs if tensor.dtype != seen.dtype), "")
    expanded = {expansion.weight.name for expansion in expansions(model.config, model.tensors)}
    other = (one.name for one in source.model.tensors if isinstance(one, DecodedTensor) and not one.stands_for_itself)
    packed = next((f"{source.decoders[name].name} ({name})" for name in other if name not in expanded), "")
    pickled = ", ".join(of_torch(model)[:1])
    return odd or packed or pickled


def check_runs(source: DecodedModel) -> None:
    """Raise UnsupportedModel (code ``stored_type``) for a model that can't be run as it is stored."""
    why = why_not_run(source)
    if not why:
        return
    raise UnsupportedModel(
        f"{source.stored.name} is stored with {why}: what runs the whole model can't take it so.",
        hint="Round to nearest, or convert it to a type that MLX has first and go on from that.",
        remedies=(SetOption("method", "nearest"), SetOption("preset", "bf16")),
        code="stored_type",
    )


@contextmanager
def readable(source: DecodedModel) -> Iterator[Path]:
    """A folder that mlx-lm can load lazily: the source's own, or a stand-in with the same headers."""
    model = source.stored
    here = model.path is not None and model.path.is_dir() and (model.path / file_names.CONFIG).exists()
    if model.path is not None and here and loads_as_it_is(source):
        yield model.path
        return
    with standing_in(source, regular_files(model.path) if model.path is not None and here else ()) as folder:
        yield folder


def _weights(model: ModelInfo) -> list[Path]:
    """The files of this machine that the weights come from."""
    if model.path is None:
        return []
    if not model.path.is_dir():
        return [model.path]
    shards = set(model.shards)
    return [path for path in regular_files(model.path) if path.name in shards]
