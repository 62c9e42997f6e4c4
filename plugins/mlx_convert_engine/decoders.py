"""Stored formats as plain numbers: the decoders that come along, and the bytes of a tensor that one shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlx_convert_core.plugin import WORDS, DecodedTensor, StoredTensors, TensorDecoder, dtypes
from mlx_convert_engine.eight_bit_floats import EightBitFloats
from mlx_convert_engine.unpacking.bitsandbytes import BitsAndBytes
from mlx_convert_engine.unpacking.carried_over import CarriedOver
from mlx_convert_engine.unpacking.compressed import Compressed
from mlx_convert_engine.unpacking.four_bit_floats import FourBitFloats
from mlx_convert_engine.unpacking.hqq import Hqq
from mlx_convert_engine.unpacking.inputs_first import InputsFirst
from mlx_convert_engine.unpacking.mlx_layers import MlxLayers

BLOCK_BYTES = 8 << 20  # of decoded numbers, made at once
_CODES = 16  # at most in a word, each a number of four bytes on the way


def own_decoders(*, unpack: bool, carry: bool = False, dtype: str | None = None) -> tuple[TensorDecoder, ...]:
    """A decoder of each format that is read here, for one model.

    Without ``unpack`` those are left alone that a model class may hold packed as they are. With ``carry`` integers
    stay as they are, if MLX can hold them in numbers of ``dtype`` (None: those of the source).
    """
    packed = (InputsFirst(), Compressed(), BitsAndBytes(), Hqq(), FourBitFloats()) if unpack else ()
    carried = (CarriedOver(dtype),) if unpack and carry else ()
    return (EightBitFloats(), MlxLayers(), *carried, *packed)


class DecodedBytes:
    """The bytes of the tensors that ``decoders`` show, of what is ``stored``."""

    def __init__(self, decoders: Mapping[DecodedTensor, TensorDecoder], stored: StoredTensors) -> None:
        self._decoders = decoders
        self._stored = stored

    def read(self, tensor: DecodedTensor, start: int, into: memoryview) -> None:
        """Fill ``into`` with the bytes of ``tensor`` from ``start`` on: rows that lie in it in part are made whole."""
        row = tensor.nbytes // max(1, tensor.parameters // tensor.shape[-1])
        step = max(1, BLOCK_BYTES // (row * (_CODES if tensor.dtype == WORDS else 1)))
        first, last = start // row, -(-(start + into.nbytes) // row)
        for at in range(first, last, step):
            data = self._rows(tensor, at, min(at + step, last))
            begin, end = max(start, at * row), min(start + into.nbytes, at * row + data.nbytes)
            into[begin - start : end - start] = data[begin - at * row : end - at * row]

    def _rows(self, tensor: DecodedTensor, start: int, stop: int) -> memoryview:
        import mlx.core as mx

        array: Any = self._decoders[tensor].rows(tensor, start, stop, self._stored)
        array = array if isinstance(array, mx.array) else mx.array(array)
        plain = array.astype(mx.uint32 if tensor.dtype == WORDS else getattr(mx, dtypes.NAMES[tensor.dtype]))
        return memoryview(mx.contiguous(plain.reshape(-1)).view(mx.uint8))
