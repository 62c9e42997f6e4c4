"""A stand-in for a checkpoint that is not here yet, or not any more, or that MLX can't load: real headers, no weights.

The files are sparse: they have the right length and take no space. mlx-lm loads them lazily, which is all that planning
needs. MLX reads a tensor's bytes only when something is computed of it: the few tensors of a stand-in that a model
class computes with are written into it just for that, in a type that MLX knows (`stored_types`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.plugin import DecodedModel, TensorInfo, file_names, layouts
from mlx_convert_engine.stored_types import odd_shards, shown

METADATA = {"format": "pt"}


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """Where the values of the tensor ``stored`` go: from byte ``start`` on in the file ``path``, as ``dtype``."""

    path: Path
    start: int
    stored: TensorInfo
    dtype: str


@contextmanager
def standing_in(source: DecodedModel, files: Iterable[Path] = (), place: Path | None = None) -> Iterator[Path]:
    """Give a folder like ``source``, as it is shown, in which only ``files`` have their content, during the body.

    It is in the folder ``place``, or, as it takes no space, wherever the system has such folders.
    Weight files among them that MLX can't load stay empty, and a config.json that is shown otherwise is not taken.
    """
    odd = odd_shards(source)
    if source.model.config != source.stored.config:
        odd |= {file_names.CONFIG}
    with tempfile.TemporaryDirectory(prefix="mlx-convert-plan-", dir=place) as name:
        folder = Path(name)
        _write_headers(source, folder)
        for path in files:
            if path.name not in odd:
                (folder / path.name).unlink(missing_ok=True)
                (folder / path.name).symlink_to(path.absolute())
        yield folder


def places(source: DecodedModel, folder: Path, shards: frozenset[str] | None = None) -> dict[str, TensorPlace]:
    """The tensors, by name, of the weight files ``shards``; None: of those that are empty whatever it was given."""
    odd, seen = odd_shards(source) if shards is None else shards, shown(source)
    laid_out = layouts([tensor for tensor in seen if tensor.shard in odd], METADATA)
    return {
        tensor.name: TensorPlace(
            folder / tensor.shard, laid_out[tensor.shard].offsets[tensor.name], stored, tensor.dtype
        )
        for stored, tensor in zip(source.model.tensors, seen, strict=True)
        if tensor.shard in odd
    }


def empty(filled: Collection[TensorPlace]) -> None:
    """Take the values out of stand-ins again, all but their headers, and give the disk its space back."""
    for path in {place.path for place in filled}:
        with path.open("r+b") as file:
            length = file.seek(0, 2)
            file.seek(0)
            file.truncate(8 + int.from_bytes(file.read(8), "little"))
            file.truncate(length)


def alone(folder: Path) -> None:
    """Make a stand-in a folder that anybody can read: without links that lead out of it, its weights in safetensors."""
    for link in [path for path in folder.iterdir() if path.is_symlink()]:
        file = link.resolve()
        link.unlink()
        if file.parent == folder.resolve():
            file.rename(link)
        else:
            shutil.copyfile(file, link)


def _write_headers(source: DecodedModel, folder: Path) -> None:
    (folder / file_names.CONFIG).write_text(json.dumps(dict(source.model.config)))
    for name, layout in layouts(shown(source), METADATA).items():
        with (folder / name).open("wb") as file:
            file.write(layout.header)
            file.truncate(layout.file_bytes)
        if not name.endswith(file_names.SAFETENSORS):  # a library may look for what is called so
            (folder / f"{name}{file_names.SAFETENSORS}").symlink_to(name)
