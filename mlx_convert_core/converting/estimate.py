"""A first estimate of an output, at once, from header names and shapes alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from mlx_convert_core.model.dtypes import STORED, target_dtype
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.plan import OutputPlan
from mlx_convert_core.model.quantization import Quantization
from mlx_convert_core.model.requests import ConvertRequest
from mlx_convert_core.model.safetensors import DTYPE_BYTES, TensorInfo
from mlx_convert_core.model.tensor_kinds import TensorKinds

FLOATS = (*STORED.values(), "F64")
# What model classes keep in the type that it is stored in, since it is added to little numbers or raised to a power.
_NOT_CAST = ("e_score_correction_bias", "expert_bias", "A_log")


def estimate(model: ModelInfo, output: OutputPlan) -> OutputPlan:
    """``output`` with sizes estimated from ``model``'s headers; the planning worker makes them exact.

    Matrices whose name ends in ``weight`` count as quantized, as most model classes do it, and draft heads as left out.
    """
    kinds = TensorKinds(model.config, (tensor.name for tensor in model.tensors))
    tensors = [tensor for tensor in model.tensors if not kinds.is_draft(tensor.name)]
    chosen = _routers(model.config)
    becomes = STORED.get(output.dtype or target_dtype(model.config) or "")
    sizes = [_tensor_bytes(tensor, None if chosen(tensor) else output.quantization, becomes) for tensor in tensors]
    total = sum(sizes)
    return replace(
        output,
        exact=False,
        tensor_bytes=total,
        weight_bytes=total + _header_bytes(tensors),
        parameters=sum(tensor.parameters for tensor in tensors),
    )


def fetch_disk(model: ModelInfo, request: ConvertRequest, weight_bytes: int | None = None) -> int:
    """Bytes that fetching adds to the disk, at most at once.

    When weight files are discarded as they are used, ``weight_bytes`` of them are there together; None: as many
    of the largest as the source has at once, if the converter needs none of them for longer.
    """
    if not (request.discard_source and model.fetch_window):
        return model.fetch_bytes
    shards = set(model.shards)
    sizes = sorted((file.size for file in model.files if file.name in shards), reverse=True)
    together = sum(sizes[: model.fetch_window]) if weight_bytes is None else weight_bytes
    return min(model.fetch_bytes, together)


def _tensor_bytes(tensor: TensorInfo, quantization: Quantization | None, becomes: str | None) -> int:
    if tensor.dtype not in FLOATS:
        return tensor.nbytes
    stays = tensor.dtype.replace("F64", "F32")
    width = DTYPE_BYTES[stays if becomes is None or tensor.name.endswith(_NOT_CAST) else becomes]
    if quantization and _is_layer(tensor, quantization):
        return quantization.packed_bytes(tensor.shape, width)
    return tensor.parameters * width


def _routers(config: Mapping[str, Any]) -> Callable[[TensorInfo], bool]:
    """Tells what chooses between experts: classes of DeepSeek's line, whose configs count experts like this, hold it as
    plain numbers."""
    experts = config.get("n_routed_experts")
    return lambda tensor: tensor.name.endswith(".gate.weight") and tensor.shape[:1] == (experts,)


def _is_layer(tensor: TensorInfo, quantization: Quantization) -> bool:
    return (
        len(tensor.shape) >= 2
        and tensor.name.endswith(("weight", "_proj"))
        and "norm" not in tensor.name
        and "conv" not in tensor.name
        and tensor.shape[-1] % quantization.group_size == 0
    )


def _header_bytes(tensors: Iterable[TensorInfo]) -> int:
    return sum(len(tensor.name) + 80 for tensor in tensors)
