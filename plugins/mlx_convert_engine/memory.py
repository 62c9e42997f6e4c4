"""How much a conversion holds at once, and the memory that this takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mlx_convert_core.plugin import DecodedModel, Quantization
from mlx_convert_engine.blueprint import Blueprint
from mlx_convert_engine.calibrating import Wanted
from mlx_convert_engine.decoders import BLOCK_BYTES
from mlx_convert_engine.pieces import Computed, Piece, Quantized, names_of

SLICE_BYTES = 4_000_000  # of a source tensor, read and computed at once; of 2 MB each took 6 % more time
GPU_SLICE_BYTES = 32_000_000  # on a GPU, worth starting a kernel for
IN_FLIGHT_SLICES = 5  # that wait for their results: four took 5 % more time (Llama 1B, 2 cores), six 10 MB more memory
BASE_MEMORY = 90_000_000  # Python with mlx and a model class
TENSOR_MEMORY = 3_000  # what is known of a tensor, in Python
# Times what is decoded at once: as stored, as looked up, times its scales in float32, rounded; and what the system
# keeps of buffers of so many sizes once they are free (measured on 2 GB in 8-bit floats: nine more than of plain ones).
DECODING_TIMES = 14
_REPACKED = 48  # times the words that mlx-lm repacks of AWQ's: each number in 32 bits, several times (measured: 39)
# Bytes for each value while a CPU quantizes: it compares each with every number of the format (measured, mlx 0.32.4).
_WHILE_QUANTIZING = {"mxfp4": 42, "nvfp4": 78, "mxfp8": 6}


def conversion_memory(blueprints: Sequence[Blueprint], source: DecodedModel, wanted: Wanted | None) -> int:
    """Bytes of memory that a conversion takes at most: of learning, if anything is ``wanted``, and of rounding then."""
    decoding = source.memory + decoding_memory() if source.decoders else 0
    rounding = working_memory(blueprints) + decoding
    return max(rounding + wanted.rounding, BASE_MEMORY + wanted.memory) if wanted else rounding


def working_memory(blueprints: Sequence[Blueprint]) -> int:
    """Bytes of memory that `stream_out` will take at most, the interpreter included."""
    pieces = [piece for plan in blueprints for layer in plan.pieces for piece in layer]
    named = sum(len(names_of(piece)) for piece in pieces)
    named += sum(len(piece.sources) for piece in pieces if not isinstance(piece, Computed))
    slices = IN_FLIGHT_SLICES * slice_bytes() * (2 + 3 * len(blueprints)) // 2  # as read, and as made
    computed = [computing(piece) for piece in pieces if isinstance(piece, Computed)]
    return BASE_MEMORY + named * TENSOR_MEMORY + slices + max(computed, default=0)


def decoding_memory() -> int:
    """Bytes of memory that reading through a decoder takes at most, beside what it says of itself.

    A GPU's slices are larger than a CPU's, and put together of blocks that are decoded one after the other: of
    `BLOCK_BYTES` at most, whatever the device. What Metal keeps of freed buffers is bounded by `few_spare_buffers`.
    """
    return DECODING_TIMES * min(slice_bytes(), BLOCK_BYTES)


def computing(piece: Computed) -> int:
    """Bytes of memory that a computed tensor takes: its sources, itself, and once more while it is put together."""
    made = sum(array.nbytes for _, array in piece.tensors)
    if piece.quantization is None:
        repacked = any(name.endswith(".qweight") for name in piece.sources)
        return made * (_REPACKED if repacked else 4)
    whole = sum(array.nbytes for array in piece.plain.values())
    values = sum(array.size for array in piece.plain.values())
    return 3 * whole + 2 * made + values * _while_quantizing(piece.quantization)


def times_read(pieces: Sequence[Piece]) -> int:
    """How many times the bytes of a slice of their sources are held while it becomes ``pieces``, results aside."""
    stored = [source for piece in pieces if isinstance(piece, Quantized) for source in piece.sources[:1]]
    needed = sum(_while_quantizing(piece.quantization) for piece in pieces if isinstance(piece, Quantized))
    return 1 + needed * stored[0].parameters // max(1, stored[0].nbytes) if stored else 1


def _while_quantizing(quantization: Quantization | None) -> int:
    import mlx.core as mx

    if quantization is None or mx.default_device() != mx.cpu:
        return 0
    return _WHILE_QUANTIZING.get(quantization.mode, 0)


def device_memory() -> int:
    """Bytes that the GPU lets a program work with (on a Mac, some three quarters of all); 0 on a CPU."""
    import mlx.core as mx

    return int(mx.device_info().get("max_recommended_working_set_size", 0))


def slice_bytes() -> int:
    """Bytes of source that are read and computed at once."""
    import mlx.core as mx

    return SLICE_BYTES if mx.default_device() == mx.cpu else GPU_SLICE_BYTES


@contextmanager
def few_spare_buffers() -> Iterator[None]:
    """Have a GPU keep no more freed buffers than the next slices can use.

    Metal's allocator keeps them for later until they are 1.5 times what the GPU works with well (mlx's
    metal/allocator.cpp): slices of many sizes would pile up to that, and a conversion take what the model takes.
    """
    import mlx.core as mx

    if mx.default_device() == mx.cpu:
        yield
        return
    before = mx.set_cache_limit(IN_FLIGHT_SLICES * slice_bytes())
    try:
        yield
    finally:
        mx.set_cache_limit(before)
