"""The yardstick for layers that a decoder shows in MLX's own packing: what their tool's formula makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import WORDS, DecodedModel, DecodedTensor, TensorDecoder, TensorInfo
from mlx_convert_engine.packed_formats import Source
from mlx_convert_engine.unpacking.compressed import Compressed
from mlx_convert_engine.unpacking.inputs_first import InputsFirst

Array = Any  # of numpy


@dataclass(frozen=True, slots=True, kw_only=True)
class RepackedWeight:
    """A weight whose ``plain`` numbers ``decoder`` makes of what is stored. Implements packed_formats.Packed."""

    plain: DecodedTensor
    decoder: TensorDecoder
    matrices: int = 1

    @property
    def form(self) -> str:
        """What its format is called."""
        return self.decoder.name

    @property
    def rows(self) -> int:
        """Outputs."""
        return self.plain.shape[0]

    def numbers(self, source: Source, first: int, count: int) -> Array:
        """See packed_formats.PackedWeight."""
        return self.decoder.rows(self.plain, first, first + count, _Stored(source))


def repacked_weights(seen: DecodedModel) -> dict[str, RepackedWeight]:
    """The weights that ``seen`` shows in words, by name, as they are stored."""
    shown = [tensor for tensor in seen.model.tensors if isinstance(tensor, DecodedTensor)]
    words = {tensor.name for tensor in shown if tensor.dtype == WORDS}
    decoders: tuple[TensorDecoder, ...] = (InputsFirst(), Compressed()) if words else ()
    plain = [(one, decoder) for decoder in decoders for one in decoder.claims(seen.stored).tensors]
    return {one.name: RepackedWeight(plain=one, decoder=decoder) for one, decoder in plain if one.name in words}


class _Stored:
    """What is stored, for a decoder. Implements StoredTensors."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, tensor: TensorInfo, start: int, stop: int) -> memoryview:
        """See StoredTensors."""
        data = memoryview(bytearray(stop - start))
        self._source.read(tensor, start, data)
        return data
