"""Every tensor of a source, accounted for: those that do not reach the result, by what they are for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlx_convert_core.base.file_names import SAFETENSORS, WEIGHT_FILE
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.inspection import FileInfo, ModelInfo
from mlx_convert_core.model.left_out import KINDS, SHOWN, LeftOut
from mlx_convert_core.model.safetensors import TensorInfo, read_header
from mlx_convert_core.model.tensor_kinds import TensorKinds
from mlx_convert_core.model.weight_files import is_adapter

COPY_MARGIN = 0.01  # by which a copy of the weights may differ in size: headers, and a tied head more or less
_SENSES = ("vision", "audio")
_VARIANT = re.compile(r"model\.\w+(?:-\d+-of-\d+)?\.safetensors")  # as transformers saves another dtype


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounted:
    """What is left out, and whether nothing but text is left of a model for pictures or sound."""

    left_out: tuple[LeftOut, ...] = ()
    text_only: bool = False


def account_for(model: ModelInfo, reached: Iterable[str]) -> Accounted:
    """The account of ``model``, whose tensors ``reached`` go into the result; reads headers at most."""
    there = frozenset(reached)
    rest = [tensor for tensor in model.tensors if tensor.name not in there]
    kinds = TensorKinds(model.config, (tensor.name for tensor in rest))
    found: dict[str, LeftOut] = {}
    for tensor in rest:
        kind = kinds.of(tensor.name, tensor.shape)
        _add(found, LeftOut(kind=kind, tensors=1, nbytes=tensor.nbytes, examples=(tensor.name,)))
    for unread in _unread_files(model):
        _add(found, unread)
    lost = not found.keys().isdisjoint(_SENSES)
    left_out = tuple(found[kind] for kind in KINDS if kind in found)
    return Accounted(left_out=left_out, text_only=lost and all(kinds.branch(name) not in _SENSES for name in there))


def _add(found: dict[str, LeftOut], more: LeftOut) -> None:
    before = found.get(more.kind, LeftOut(kind=more.kind, tensors=0, nbytes=0))
    found[more.kind] = LeftOut(
        kind=more.kind,
        tensors=before.tensors + more.tensors,
        nbytes=before.nbytes + more.nbytes,
        examples=(*before.examples, *more.examples)[:SHOWN],
    )


def _unread_files(model: ModelInfo) -> Iterator[LeftOut]:
    """Weight files beside those that are read."""
    adapters = [file for file in model.matching("*") if is_adapter(file.name)]
    for file in adapters:
        yield _of_file("adapter", file, model)
    read = {*model.shards, *(file.name for file in adapters)}
    others = [file for file in model.matching("*.safetensors") if file.name not in read]
    whole = [file for file in others if file.name.startswith("consolidated")]
    if not others:  # as nearly always, and what follows walks through every tensor
        return
    copied = abs(sum(file.size for file in whole) - model.weight_bytes) < COPY_MARGIN * model.weight_bytes
    names = frozenset(tensor.name for tensor in model.tensors)
    for file in others:
        kind = "copy" if copied and file in whole else "files"
        yield _of_file("again" if _repeats(file, model, names) else kind, file, model)


def _repeats(file: FileInfo, model: ModelInfo, names: frozenset[str]) -> bool:
    """Whether a file has nothing but tensors that are read from another one; far away, by its name (`model.fp16`)."""
    held = {tensor.name for tensor in _held(file, model)}
    return held <= names if held else bool(_VARIANT.fullmatch(file.name)) and WEIGHT_FILE in model.shards


def _of_file(kind: str, file: FileInfo, model: ModelInfo) -> LeftOut:
    return LeftOut(kind=kind, tensors=len(_held(file, model)), nbytes=file.size, examples=(file.name,))


def _held(file: FileInfo, model: ModelInfo) -> tuple[TensorInfo, ...]:
    """The tensors of a file of this machine; nobody reads it, so it may be anything."""
    if model.path is None or not model.path.is_dir() or not file.name.endswith(SAFETENSORS):
        return ()
    try:
        return read_header(model.path / file.name)
    except (OSError, CorruptCheckpoint):
        return ()
