"""A GGUF file as a source: described from its header, rebuilt as a checkpoint when it is fetched."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import (
    CorruptCheckpoint,
    FileInfo,
    ModelInfo,
    Reporter,
    TensorInfo,
    cached_repo,
    file_names,
    layouts,
    stamp_of,
)
from mlx_convert_gguf.architecture import Architecture
from mlx_convert_gguf.card import card_of, name_of
from mlx_convert_gguf.container import GgufHeader
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.numbers import Numbers
from mlx_convert_gguf.rebuilding import Rebuilt, architecture_of, config_of, rebuilt_tensors
from mlx_convert_gguf.rope import VECTORS
from mlx_convert_gguf.splits import read_model
from mlx_convert_gguf.tokenizers.tokenizer_files import special_ids, text_files, tokenizer_of
from mlx_convert_gguf.values import read_values
from mlx_convert_gguf.weights import write_weights

MAX_VECTOR = 4096  # beyond any head


@dataclass(frozen=True)
class GgufFile:
    """The model in the file ``path``. Implements ModelSource and InPlaceSource."""

    ref: str
    path: Path

    @property
    def name(self) -> str:
        """The file's name without its ending; what is in it may have a better one."""
        return self.path.stem

    def inspect(self) -> ModelInfo:
        """See ModelSource: what the checkpoint will be, from the header alone.

        Raises CorruptCheckpoint, and UnsupportedModel for everything that can't be rebuilt faithfully.
        """
        return _Blueprint.of(self.path).describe(self.ref)

    def small_files(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        """See SmallFilesSource: rebuilt from the header, as `fetch` does it."""
        folder = scratch / "checkpoint"
        folder.mkdir()
        for name, data in _Blueprint.of(self.path).files.items():
            (folder / name).write_bytes(data)
        return folder

    def whole_bytes(self, model: ModelInfo) -> int:
        """See InPlaceSource: a file with all weights, most of them as bf16."""
        return sum(file.size for file in model.files if file.name in model.shards)

    def fetch(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        """Write the checkpoint into ``scratch``; raises CorruptCheckpoint when the file was changed meanwhile."""
        blueprint = _Blueprint.of(self.path)
        outline = blueprint.outline
        before = outline.stamps()
        if outline.tensors != model.tensors:
            raise changed(self.path)
        folder = scratch / model.name
        folder.mkdir()
        write_weights(outline.rebuilt, outline.tensors, folder, report)
        for name, data in blueprint.files.items():
            (folder / name).write_bytes(data)
        if outline.stamps() != before:
            raise changed(self.path)
        return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The checkpoint's tensors in the file ``path`` and the parts beside it, and how each is made.

    ``weight_file_bytes``: of the one file that `GgufFile.fetch` writes them into.
    """

    path: Path
    header: GgufHeader
    architecture: Architecture
    numbers: Numbers
    rebuilt: tuple[Rebuilt, ...]
    tensors: tuple[TensorInfo, ...]
    weight_file_bytes: int

    @classmethod
    def of(cls, path: Path) -> Outline:
        """Read it from the header; raises CorruptCheckpoint and UnsupportedModel."""
        header = read_model(path)
        fields = Fields(path.name, header.metadata)
        architecture = architecture_of(fields)
        numbers = Numbers(fields, architecture, header.tensors)
        rebuilt = rebuilt_tensors(architecture, numbers, header.tensors)
        tensors, size = _laid_out(rebuilt)
        return cls(
            path=path,
            header=header,
            architecture=architecture,
            numbers=numbers,
            rebuilt=rebuilt,
            tensors=tensors,
            weight_file_bytes=size,
        )

    def stamps(self) -> dict[Path, tuple[int, int] | None]:
        """What tells one state of the files from another."""
        return {path: stamp_of(path) for path in {source.path for one in self.rebuilt for source in one.sources}}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blueprint:
    """Everything about the checkpoint but the weights' values; to make its tokenizer takes the longest."""

    outline: Outline
    config: dict[str, Any]
    files: dict[str, bytes]

    @classmethod
    def of(cls, path: Path) -> _Blueprint:
        outline = Outline.of(path)
        vocabulary, tokenizer = tokenizer_of(outline.numbers.fields)
        factors = _rope_factors(outline.header)
        config = config_of(outline.architecture, outline.numbers, factors) | special_ids(vocabulary)
        files = {file_names.CONFIG: json.dumps(config, indent=2).encode() + b"\n"}
        files |= text_files(outline.numbers.fields, vocabulary, tokenizer)
        return cls(outline=outline, config=config, files=files)

    def describe(self, ref: str) -> ModelInfo:
        path = self.outline.path
        small = [FileInfo(name=name, size=len(data)) for name, data in self.files.items()]
        weights = FileInfo(name=file_names.WEIGHT_FILE, size=self.outline.weight_file_bytes)
        cached = cached_repo(path)
        return ModelInfo(
            ref=ref,
            name=name_of(path, self.outline.numbers.fields),
            repo_id=cached.repo_id if cached is not None else None,
            revision=cached.commit if cached is not None else None,
            path=path.resolve(),
            config=self.config,
            files=tuple(sorted([*small, weights], key=lambda info: info.name)),
            tensors=self.outline.tensors,
            card=card_of(self.outline.numbers.fields),
        )


def _rope_factors(header: GgufHeader) -> dict[str, list[float]]:
    """The values of `VECTORS`, which belong to the settings rather than to the weights."""
    found = [tensor for tensor in header.tensors if tensor.name in VECTORS]
    short = {tensor.name: len(tensor.shape) == 1 and tensor.shape[0] < MAX_VECTOR for tensor in found}
    return {tensor.name: read_values(tensor) if short[tensor.name] else [0.0] for tensor in found}


def _laid_out(rebuilt: tuple[Rebuilt, ...]) -> tuple[tuple[TensorInfo, ...], int]:
    """The tensors at their places in the file to be, and its size."""
    shard = file_names.WEIGHT_FILE
    loose = tuple(TensorInfo(name=one.name, dtype=one.dtype, shape=one.shape, shard=shard) for one in rebuilt)
    layout = layouts(loose, {"format": "pt"})[shard]
    placed = tuple(
        TensorInfo(
            name=tensor.name,
            dtype=tensor.dtype,
            shape=tensor.shape,
            shard=shard,
            start=layout.offsets[tensor.name],
            end=layout.offsets[tensor.name] + tensor.nbytes,
        )
        for tensor in loose
    )
    return placed, layout.file_bytes


def changed(path: Path) -> CorruptCheckpoint:
    """The error for a file that is not what was inspected any more."""
    return CorruptCheckpoint(
        f"{path.name} was changed while it was being read.",
        hint="Wait until whatever writes to it is done, and run it again.",
        code="source_changed",
    )
