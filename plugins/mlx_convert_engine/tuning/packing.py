"""Whole numbers packed as MLX packs them: value after value, lowest bits first, in 32-bit words."""

from __future__ import annotations

from typing import Any

# bits -> (values that end with a whole byte, the type that holds them, bytes of it that count)
_UNITS = {2: (16, "uint32", 4), 3: (8, "uint32", 3), 4: (8, "uint32", 4), 5: (8, "uint64", 5), 6: (4, "uint32", 3)}


def pack(values: Any, bits: int) -> Any:
    """``values`` (rows, width; whole numbers below 2^bits, of any type) as uint32 (rows, width * bits / 32).

    ``width`` is divisible by 32. The order is that of mx.quantize: mlx/backend/cpu/quantized.cpp.
    """
    import mlx.core as mx

    if bits == 8:
        return mx.contiguous(values.astype(mx.uint8)).view(mx.uint32)
    count, name, used = _UNITS[bits]
    kind = getattr(mx, name)
    shifts = mx.arange(0, count * bits, bits).astype(kind)
    units = values.astype(kind).reshape(*values.shape[:-1], -1, count)
    words = mx.sum(mx.left_shift(units, shifts), axis=-1).astype(kind)
    if used == kind.size:
        return words
    parts = mx.contiguous(words).view(mx.uint8).reshape(*words.shape, kind.size)[..., :used]
    return mx.contiguous(parts.reshape(*values.shape[:-1], -1)).view(mx.uint32)
