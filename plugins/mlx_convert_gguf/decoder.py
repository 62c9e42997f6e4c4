"""The tensors of a GGUF file by rows, as they are converted: no checkpoint lies on the disk between the two."""

from __future__ import annotations

import hashlib
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_convert_core.plugin import Claims, DecodedTensor, ModelInfo, StoredTensors, stamp_of
from mlx_convert_gguf.splits import parts_beside

if TYPE_CHECKING:
    from mlx_convert_gguf.rebuilding import Rebuilt
    from mlx_convert_gguf.transforms import Values
    from mlx_convert_gguf.values import GgufValues


class GgufDecoder:
    """Decodes the model that was described from the GGUF file ``path``. Implements TensorDecoder."""

    def __init__(self, path: Path) -> None:
        # A resumed conversion goes on only with what has this name: the parts beside ``path`` belong to it.
        state = repr([(part.name, stamp_of(part)) for part in parts_beside(path)])
        self.name = f"gguf {hashlib.sha256(state.encode()).hexdigest()[:16]}"
        self._model: ModelInfo | None = None
        self._rebuilt: dict[str, Rebuilt] = {}
        self._stamps: dict[Path, tuple[int, int] | None] = {}

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder: all of it. The tensors are the checkpoint's to be, so that each stands for itself."""
        self._model = model
        return Claims(
            tensors=tuple(
                DecodedTensor(
                    name=tensor.name, dtype=tensor.dtype, shape=tensor.shape, shard=tensor.shard, parts=(tensor,)
                )
                for tensor in model.tensors
            )
        )

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Values:
        """See TensorDecoder; nothing is ``stored`` but in the file itself.

        Raises CorruptCheckpoint when that is not what was inspected any more.
        """
        from mlx_convert_gguf.source import changed
        from mlx_convert_gguf.values import GgufValues

        if not self._rebuilt:
            self._read_header()
        one = self._rebuilt[tensor.name]
        for path in {source.path for source in one.sources}:
            if stamp_of(path) != self._stamps[path]:
                raise changed(path)
        with GgufValues() as values:
            return _rows(one, start, stop, values)

    def _read_header(self) -> None:
        from mlx_convert_gguf.source import Outline, changed

        assert self._model is not None
        assert self._model.path is not None
        outline = Outline.of(self._model.path)
        if outline.tensors != self._model.tensors:
            raise changed(self._model.path)
        self._stamps = outline.stamps()
        self._rebuilt = {one.name: one for one in outline.rebuilt}


def _rows(one: Rebuilt, start: int, stop: int, values: GgufValues) -> Values:
    """Rows of a tensor of the checkpoint; those that its transform can't make apart are made together."""
    if len(one.shape) == 1:
        return one.made(values, 0, one.transform.rows).reshape(1, -1)
    unit = one.transform.unit
    assert one.transform.rows == prod(one.shape[:-1])
    first, last = start // unit * unit, -(-stop // unit) * unit
    return one.made(values, first, last)[start - first : stop - first]
