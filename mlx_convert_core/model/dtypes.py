"""Types of numbers: what requests and MLX call them, and what safetensors does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

Dtype = Literal["bfloat16", "float16", "float32"]

DTYPES: tuple[str, ...] = get_args(Dtype)
STORED: dict[str, str] = {"bfloat16": "BF16", "float16": "F16", "float32": "F32"}  # how safetensors names each
NAMES: dict[str, str] = {stored: name for name, stored in STORED.items()}
# The bits of infinity, which stand above those of every number; above them are only NaNs (IEEE 754).
INFINITY = {"F8_E5M2": 0x7C, "F16": 0x7C00, "BF16": 0x7F80, "F32": 0x7F80_0000, "F64": 0x7FF0_0000_0000_0000}


def target_dtype(config: Mapping[str, Any]) -> str | None:
    """The dtype that mlx_lm.convert and mlx_vlm.convert cast to: config's torch_dtype, or the text model's dtype."""
    text = config.get("text_config")
    found = config.get("torch_dtype") or (text.get("dtype") if isinstance(text, dict) else None)
    return str(found) if found else None
