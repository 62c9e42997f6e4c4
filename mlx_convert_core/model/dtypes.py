"""Types of numbers: what requests and MLX call them, and what safetensors does."""

from __future__ import annotations

from typing import Literal, get_args

Dtype = Literal["bfloat16", "float16", "float32"]

DTYPES: tuple[str, ...] = get_args(Dtype)
STORED: dict[str, str] = {"bfloat16": "BF16", "float16": "F16", "float32": "F32"}  # how safetensors names each
NAMES: dict[str, str] = {stored: name for name, stored in STORED.items()}
# The bits of infinity, which stand above those of every number; above them are only NaNs (IEEE 754).
INFINITY = {"F8_E5M2": 0x7C, "F16": 0x7C00, "BF16": 0x7F80, "F32": 0x7F80_0000, "F64": 0x7FF0_0000_0000_0000}
