"""Which tensors of a source are packed: decided by their headers alone.

What config.json says of a quantization may be left over from a tool that loaded the model packed and saved it plain,
as fine-tuning tools do. The tensors themselves don't lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlx_convert_core.model.safetensors import TensorInfo

_PACKED_FLOATS = ("F8_", "F6_", "F4")  # what a type's name begins with
_PACKED_INTEGERS = ("U8", "I8", "U16", "I16", "U32", "I32")
# Integers that no tool packed: masks and positions, which old checkpoints hold.
_BUFFERS = (".attn.bias", ".masked_bias", ".attention.bias", "position_ids", "relative_position_index")
# What tools put beside, or in place of, a weight that they packed.
BESIDE_PACKED = (
    "weight_scale", "weight_scale_inv", "_proj_scale_inv", "weight_packed", "weight_zero_point", ".scales", ".qweight",
    ".qzeros", ".g_idx", "weight_g_idx", ".absmax", ".quant_map", ".nested_absmax", ".SCB", "_proj_blocks",
)  # fmt: skip
# Methods that say how a model computes, not only how it is stored: without the entry it is another model.
_COMPUTES = ("bitnet",)


def packed_tensors(tensors: Iterable[TensorInfo]) -> tuple[TensorInfo, ...]:
    """Those of ``tensors`` that hold packed numbers, or what belongs to some."""
    return tuple(tensor for tensor in tensors if _is_packed(tensor))


def quantization_config(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The source's own quantization_config, also where it stands under text_config."""
    text = config.get("text_config")
    found = config.get("quantization_config") or (isinstance(text, dict) and text.get("quantization_config"))
    return found if isinstance(found, dict) else None


def leftover_method(config: Mapping[str, Any], tensors: Iterable[TensorInfo]) -> str:
    """Who quantized the source according to its config, though every tensor is plain; "" when there is no such entry.

    ``mlx`` is MLX itself.
    """
    entry = quantization_config(config)
    of_mlx = isinstance(config.get("quantization"), dict)
    if entry is None and not of_mlx:
        return ""
    method = str((entry or {}).get("quant_method") or ("mlx" if of_mlx else "an unnamed tool"))
    if method in _COMPUTES or packed_tensors(tensors):
        return ""
    return method


def _is_packed(tensor: TensorInfo) -> bool:
    if tensor.dtype.startswith(_PACKED_FLOATS):
        return True
    if tensor.name.endswith(BESIDE_PACKED):
        return True
    return tensor.dtype in _PACKED_INTEGERS and len(tensor.shape) > 1 and not tensor.name.endswith(_BUFFERS)
