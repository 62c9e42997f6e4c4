"""What was learned of the inputs of a model's layers, kept on disk: mean squares, and the matrices of each block."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import CorruptCheckpoint, check_regular, flush
from mlx_convert_engine.tuning.rounding import Inputs

KEPT = "inputs.safetensors"
_MADE_FROM = "made_from"
_NOTED = ("tokens", "place", "columns", "apart")


class KeptInputs:
    """What was learned, in a ``folder``. Of matrices only those that were asked for last are in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: tuple[str, tuple[Any, ...]] = ("", ())

    def inputs(self, made_from: str) -> dict[str, Inputs] | None:
        """What a conversion that died has kept, None when there is nothing of the same source and text."""
        import mlx.core as mx

        try:
            check_regular(self._folder / KEPT, within=self._folder)
            arrays, about = mx.load(str(self._folder / KEPT), return_metadata=True)
        except (OSError, ValueError, RuntimeError, CorruptCheckpoint):
            return None
        if about.get(_MADE_FROM) != digest(made_from):
            return None
        return {path: _inputs(array, path, about) for path, array in arrays.items()}

    def save(self, number: int, matrices: Mapping[str, tuple[Any, ...]]) -> dict[str, str]:
        """Keep the matrices of a block, the ``number``-th; the place of each layer's. Layers that share a tuple share
        a place."""
        import mlx.core as mx

        holders: dict[int, str] = {}
        places = {path: f"{number}/{holders.setdefault(id(parts), path)}" for path, parts in matrices.items()}
        arrays = {f"{path}/{part}": one for path in holders.values() for part, one in enumerate(matrices[path])}
        if arrays:
            self._folder.mkdir(exist_ok=True)
            mx.save_safetensors(str(self._folder / _file(number)), arrays)
            flush(self._folder / _file(number))
        return places

    def done(self, made_from: str, inputs: Mapping[str, Inputs]) -> None:
        """Keep ``inputs``, whose matrices are saved, as what is made from ``made_from``."""
        import mlx.core as mx

        self._folder.mkdir(exist_ok=True)
        unfinished = self._folder / f"unfinished-{KEPT}"
        arrays = {path: mx.array([]) if layer.moments is None else layer.moments for path, layer in inputs.items()}
        about = {f"{path}:{name}": str(getattr(layer, name)) for path, layer in inputs.items() for name in _NOTED}
        mx.save_safetensors(str(unfinished), arrays, metadata=about | {_MADE_FROM: digest(made_from)})
        flush(unfinished)  # or a power cut may leave the name and not the numbers
        unfinished.replace(self._folder / KEPT)
        flush(self._folder)

    def of(self, place: str) -> tuple[Any, ...]:
        """The matrices at a ``place``, not yet read; the same tuple when it is asked for again."""
        import mlx.core as mx

        if self._last[0] != place:
            number, path = place.split("/", 1)
            file = self._folder / _file(int(number))
            check_regular(file, within=self._folder)
            arrays = mx.load(str(file))
            parts = sum(1 for name in arrays if name.rpartition("/")[0] == path)
            self._last = (place, tuple(arrays[f"{path}/{part}"] for part in range(parts)))
        return self._last[1]


def _inputs(array: Any, path: str, about: Mapping[str, str]) -> Inputs:
    tokens, place, columns, apart = (about[f"{path}:{name}"] for name in _NOTED)
    return Inputs(array if array.size else None, tokens=int(tokens), place=place, columns=int(columns), apart=apart)


def _file(number: int) -> str:
    return f"products-{number:05d}.safetensors"


def digest(text: str) -> str:
    """The sha256 of ``text`` in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
