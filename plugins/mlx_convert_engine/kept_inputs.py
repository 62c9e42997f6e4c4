"""What was learned of the inputs of a model's layers, kept on disk: mean squares, and the matrices of each block."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import CorruptCheckpoint, check_regular, flush
from mlx_convert_engine.tuning.rounding import Inputs

KEPT = "inputs.safetensors"
STANDING = "standing.safetensors"  # what the last block answered that all sequences have passed
_MADE_FROM = "made_from"
_NOTHING = ":"  # in the file of a block without any layer; no path is so
_NOTED = ("tokens", "place", "columns", "apart", "unseen")


class KeptInputs:
    """What was learned, in a ``folder``. Of matrices only those that were asked for last are in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: tuple[str, tuple[Any, ...]] = ("", ())

    def inputs(self, made_from: str) -> dict[str, Inputs] | None:
        """What a conversion that died has kept, None when there is nothing of the same source and text."""
        return self._read(KEPT, made_from)

    def _read(self, name: str, made_from: str) -> dict[str, Inputs] | None:
        import mlx.core as mx

        try:
            check_regular(self._folder / name, within=self._folder)
            arrays, about = mx.load(str(self._folder / name), return_metadata=True)
            if about.get(_MADE_FROM) != digest(made_from):
                return None
            return {path: _inputs(array, path, about) for path, array in arrays.items() if path != _NOTHING}
        except (OSError, ValueError, KeyError, RuntimeError, CorruptCheckpoint):
            return None

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

    def block(self, number: int, made_from: str, inputs: Mapping[str, Inputs], answered: Sequence[Any]) -> None:
        """Keep what was learned of a block, the ``number``-th, and what it ``answered`` each sequence: a pass goes on
        there. Nothing of the second where it can't."""
        self._folder.mkdir(exist_ok=True)
        self._keep(_block_file(number), made_from, inputs)
        if answered:
            arrays = {str(place): one for place, one in enumerate(answered)}
            self._write(STANDING, made_from, arrays, {"blocks": str(number + 1)})
            flush(self._folder)

    def begun(self, made_from: str) -> tuple[dict[str, Inputs], int, list[Any]]:
        """What a pass that died has learned of how many blocks, and what the last of them answered each sequence;
        nothing of another source or text."""
        import mlx.core as mx

        try:
            check_regular(self._folder / STANDING, within=self._folder)
            arrays, about = mx.load(str(self._folder / STANDING), return_metadata=True)
            blocks = int(about["blocks"]) if about.get(_MADE_FROM) == digest(made_from) else 0
            found: dict[str, Inputs] = {}
            for number in range(blocks):
                learned = self._read(_block_file(number), made_from)
                if learned is None:
                    return {}, 0, []
                found |= learned
            return found, blocks, [arrays[str(place)] for place in range(len(arrays))] if blocks else []
        except (OSError, ValueError, KeyError, RuntimeError, CorruptCheckpoint):
            return {}, 0, []

    def done(self, made_from: str, inputs: Mapping[str, Inputs]) -> None:
        """Keep ``inputs``, whose matrices are saved, as what is made from ``made_from``."""
        self._folder.mkdir(exist_ok=True)
        self._keep(KEPT, made_from, inputs)
        flush(self._folder)

    def _keep(self, name: str, made_from: str, inputs: Mapping[str, Inputs]) -> None:
        import mlx.core as mx

        arrays = {path: mx.array([]) if layer.moments is None else layer.moments for path, layer in inputs.items()}
        about = {f"{path}:{noted}": str(getattr(layer, noted)) for path, layer in inputs.items() for noted in _NOTED}
        self._write(name, made_from, arrays or {_NOTHING: mx.array([])}, about)

    def _write(self, name: str, made_from: str, arrays: Mapping[str, Any], about: Mapping[str, str]) -> None:
        import mlx.core as mx

        unfinished = self._folder / f"unfinished-{name}"
        mx.save_safetensors(str(unfinished), dict(arrays), metadata={**about, _MADE_FROM: digest(made_from)})
        flush(unfinished)  # or a power cut may leave the name and not the numbers
        unfinished.replace(self._folder / name)

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
    tokens, place, columns, apart, unseen = (about[f"{path}:{name}"] for name in _NOTED)
    return Inputs(array if array.size else None, int(tokens), place, int(columns), apart, int(unseen))


def _file(number: int) -> str:
    return f"products-{number:05d}.safetensors"


def _block_file(number: int) -> str:
    return f"inputs-{number:05d}.safetensors"


def digest(text: str) -> str:
    """The sha256 of ``text`` in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
