"""Every tensor of a source, accounted for: those that do not reach the result, by what they are for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mlx_convert_core.base.file_names import SAFETENSORS, WEIGHTS
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.inspection import FileInfo, ModelInfo
from mlx_convert_core.model.left_out import KINDS, SHOWN, LeftOut
from mlx_convert_core.model.safetensors import read_header
from mlx_convert_core.model.tensor_kinds import TensorKinds

COPY_MARGIN = 0.01  # by which a copy of the weights may differ in size: headers, and a tied head more or less
_SENSES = ("vision", "audio")


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
    adapters = model.matching("adapter_model*", "adapters.safetensors")
    for file in adapters:
        yield _of_file("adapter", file, model)
    others = [
        file for file in model.matching("*.safetensors") if file not in adapters and not fnmatchcase(file.name, WEIGHTS)
    ]
    whole = [file for file in others if file.name.startswith("consolidated")]
    copied = abs(sum(file.size for file in whole) - model.weight_bytes) < COPY_MARGIN * model.weight_bytes
    for file in others:
        yield _of_file("copy" if copied and file in whole else "files", file, model)


def _of_file(kind: str, file: FileInfo, model: ModelInfo) -> LeftOut:
    tensors = 0
    if model.path is not None and model.path.is_dir() and file.name.endswith(SAFETENSORS):
        try:
            tensors = len(read_header(model.path / file.name))
        except (OSError, CorruptCheckpoint):  # nobody reads it, so it may be anything
            tensors = 0
    return LeftOut(kind=kind, tensors=tensors, nbytes=file.size, examples=(file.name,))
