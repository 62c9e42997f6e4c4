"""Types of stored numbers that MLX lacks, and the type that stands for each.

MLX has no float64: such numbers are read as float32. Floats of 8 bits that no scale belongs to are the numbers
themselves, and bfloat16 holds each of them. A model class is shown the type that stands for them, in a stand-in with
such a header; their bytes are read here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from mlx_convert_core.plugin import (
    DecodedModel,
    DecodedTensor,
    ModelInfo,
    TensorInfo,
    dtypes,
    file_names,
    quantization_config,
)
from mlx_convert_engine.eight_bit_floats import EIGHT_BIT_FLOATS, values_of

WIDE = "F64"
# What stands for a type that a config names and MLX lacks.
LACKING = {"float64": "float32", "float8_e4m3fn": "bfloat16", "float8_e5m2": "bfloat16"}
_ODD = frozenset((WIDE, *EIGHT_BIT_FLOATS))
_LOADED_AS_BYTES = "F8_E4M3"  # the one type of EIGHT_BIT_FLOATS that MLX's loader knows


def shown(source: DecodedModel) -> tuple[TensorInfo, ...]:
    """The tensors of ``source``, as it is shown, in types that MLX loads."""
    plain = {tensor.name for tensor in plain_floats(source.model.config, source.stored.tensors)}
    return tuple(_shown(one, plain) if one.dtype in _ODD else one for one in source.model.tensors)


def odd_shards(source: DecodedModel) -> frozenset[str]:
    """The weight files of ``source`` that MLX can't load as they are, or would load as something else."""
    return frozenset(_odd_shards(source))


def loads_as_it_is(source: DecodedModel) -> bool:
    """Whether MLX loads all weight files of ``source``, as what they are."""
    return next(_odd_shards(source), None) is None


def _odd_shards(source: DecodedModel) -> Iterator[str]:
    yield from of_torch(source.stored)
    for tensor in source.model.tensors:
        if isinstance(tensor, DecodedTensor):
            yield from (part.shard for part in tensor.stored)
    pairs = zip(source.model.tensors, shown(source), strict=True)
    other = (one for one, seen in pairs if one.dtype != seen.dtype)
    hidden = (tensor for tensor in source.stored.tensors if tensor.name in source.unneeded)
    for tensor in chain(other, hidden):
        yield tensor.shard


def of_torch(model: ModelInfo) -> tuple[str, ...]:
    """The weight files of ``model`` that torch wrote."""
    return tuple(shard for shard in model.shards if not shard.endswith(file_names.SAFETENSORS))


def plain_floats(config: Mapping[str, Any], tensors: Iterable[TensorInfo]) -> tuple[TensorInfo, ...]:
    """The 8-bit floats among ``tensors`` that are numbers by themselves: nobody says that the source is quantized, and
    nothing in it is called a scale."""
    if quantization_config(config) is not None or isinstance(config.get("quantization"), dict):
        return ()
    tensors = tuple(tensors)
    found = tuple(tensor for tensor in tensors if tensor.dtype in EIGHT_BIT_FLOATS)
    scaled = found and any("scale" in tensor.name.rpartition(".")[2] for tensor in tensors)
    return () if scaled else found


def is_read_as(stored: TensorInfo, array: Any) -> bool:
    """Whether the lazy ``array`` is ``stored`` in the type that stands for its own."""
    import mlx.core as mx

    eight = stored.dtype in EIGHT_BIT_FLOATS and mx.issubdtype(array.dtype, mx.floating)
    return stored.dtype == WIDE or eight


def array_of(dtype: str, data: memoryview) -> Any:
    """Some little-endian values of ``dtype`` (as safetensors names it) as a flat MLX array, a copy."""
    import mlx.core as mx
    import numpy as np

    if dtype == WIDE:
        return mx.array(narrowed(data))
    if dtype in EIGHT_BIT_FLOATS:
        return values_of(mx.array(np.frombuffer(data, np.uint8)), dtype)
    kind = getattr(mx, dtypes.NAMES[dtype])
    return mx.array(np.frombuffer(data, dtype=f"u{kind.size}")).view(kind)


def narrowed(data: memoryview) -> Any:
    """Float64 values as a numpy array of float32; what is too large becomes infinite."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        return np.frombuffer(data, "<f8").astype("<f4")


def _shown(tensor: TensorInfo, plain: set[str]) -> TensorInfo:
    if tensor.dtype == WIDE:
        return tensor.replace(dtype="F32")
    if tensor.name in plain:
        return tensor.replace(dtype="BF16")
    if tensor.dtype in EIGHT_BIT_FLOATS and tensor.dtype != _LOADED_AS_BYTES:
        return tensor.replace(dtype="U8")
    return tensor
