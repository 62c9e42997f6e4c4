"""Numbers that are none: NaN and infinity in the source, and what a cast to a smaller type would make infinite.

Every byte of a source passes by, so the look has to be cheap. A float's bits without its sign grow with its size,
and infinity and NaN stand above all numbers (IEEE 754): the largest such value of a slice tells whether there is
anything to count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import ConversionFailed, Finding, SetOption

SHORT = {"float16": "F16", "bfloat16": "BF16", "float32": "F32"}  # mlx's name -> safetensors'
NAMED = 3  # tensors that a finding names
_WIDTHS = {"F16": 16, "BF16": 16, "F32": 32, "F64": 64}
_INFINITY = {"F16": 0x7C00, "BF16": 0x7F80, "F32": 0x7F80_0000, "F64": 0x7FF0_0000_0000_0000}
# The smallest size that a cast rounds to infinity: halfway between the target's largest number and the next power of
# two (65,520 for float16), in the bits of the source.
_TOO_LARGE = {("F32", "float16"): 0x477F_F000, ("BF16", "float16"): 0x4780, ("F32", "bfloat16"): 0x7F7F_8000}
_LARGEST = {"float16": "65,504", "bfloat16": "3.39e38"}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Some values of dtype ``dtype`` (as safetensors names it), and the largest of their sizes as bits."""

    data: memoryview
    dtype: str
    largest: int

    @classmethod
    def of(cls, data: memoryview, dtype: str) -> Sizes:
        """Look at little-endian values; those of another type than a float count as 0."""
        if dtype not in _WIDTHS or not data.nbytes:
            return cls(data, dtype, 0)
        import numpy as np

        width = _WIDTHS[dtype]
        positive = int(np.frombuffer(data, f"<i{width // 8}").max())
        any_sign = int(np.frombuffer(data, f"<u{width // 8}").max())
        sign = 1 << (width - 1)  # above every positive value: with it, the largest is the largest negative one
        return cls(data, dtype, max(positive, any_sign - sign))

    @property
    def not_finite(self) -> int:
        """How many are NaN or infinite."""
        infinity = _INFINITY.get(self.dtype)
        return self._from(infinity) if infinity is not None and self.largest >= infinity else 0

    def too_large_for(self, dtype: str) -> int:
        """How many finite ones a cast to ``dtype`` (mlx's name) makes infinite."""
        limit = _TOO_LARGE.get((self.dtype, dtype))
        return self._from(limit) - self.not_finite if limit is not None and self.largest >= limit else 0

    def _from(self, limit: int) -> int:
        import numpy as np

        width = _WIDTHS[self.dtype]
        bits = np.frombuffer(self.data, f"<u{width // 8}")
        return int(np.count_nonzero((bits & np.array((1 << (width - 1)) - 1, bits.dtype)) >= limit))


def count_of(array: Any) -> Any | None:
    """The number of NaN and infinite values of an mlx array, still to be computed; None when it holds integers."""
    import mlx.core as mx

    if not mx.issubdtype(array.dtype, mx.floating):
        return None
    return mx.sum(mx.logical_not(mx.isfinite(array)))


def overflow(name: str, count: int, target: str) -> ConversionFailed:
    """The error for ``count`` values that become infinite in the tensor ``name`` of the type ``target``."""
    return ConversionFailed(
        f"{name} has {count:,} {'value' if count == 1 else 'values'} that {target} can't hold "
        f"(its largest is {_LARGEST.get(target, 'less')}): as infinity they would spoil every answer.",
        hint="Nothing was published. Convert with a type that has the range of the source.",
        remedies=(SetOption("dtype", "float32" if target == "bfloat16" else "bfloat16"),),
        code="overflow",
    )


def finding(counts: Mapping[str, int]) -> Iterable[Finding]:
    """A warning about tensors whose source has values that are not finite: their names and how many."""
    if not counts:
        return
    named = ", ".join(f"{name} has {count:,}" for name, count in sorted(counts.items())[:NAMED])
    more = f" and {len(counts) - NAMED} more tensors" if len(counts) > NAMED else ""
    total = sum(counts.values())
    yield Finding(
        code="not_finite",
        level="warning",
        message=f"{total:,} {'value' if total == 1 else 'values'} of the source {'is' if total == 1 else 'are'}"
        f" not finite (NaN or infinity): {named}{more}.",
        hint="The model may answer nonsense. Download it again; if that changes nothing, its author should know.",
    )


def name_of(dtype: Any) -> str:
    """``float16`` of ``mlx.core.float16``; "" for what is no float."""
    name = str(dtype).rpartition(".")[2]
    return name if name in SHORT else ""
