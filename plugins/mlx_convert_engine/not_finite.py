"""Numbers that are none: NaN and infinity in the source, and what a cast to a smaller type would make infinite.

Every byte of a source passes by, so the look has to be cheap. A float's bits without its sign grow with its size,
and infinity and NaN stand above all numbers (IEEE 754): the largest such value of a slice tells whether there is
anything to count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import ConversionFailed, Finding, SetOption, dtypes

NAMED = 3  # tensors that a finding names
_WIDTHS = {"F8_E4M3": 8, "F8_E5M2": 8, "F16": 16, "BF16": 16, "F32": 32, "F64": 64}
# The smallest size that is no number: of F8_E4M3, which has no infinity, the one NaN.
_INFINITY = {
    "F8_E4M3": 0x7F, **dtypes.INFINITY
}  # fmt: skip
# The smallest size that a cast rounds to infinity: halfway between the target's largest number and the next power of
# two (65,520 for float16), in the bits of the source.
_TOO_LARGE = {
    ("F32", "float16"): 0x477F_F000, ("BF16", "float16"): 0x4780, ("F32", "bfloat16"): 0x7F7F_8000,
    # through float32, which rounds half a step up before that
    ("F64", "float16"): 0x40EF_FDFF_F000_0000, ("F64", "bfloat16"): 0x47EF_EFFF_F000_0000,
    ("F64", "float32"): 0x47EF_FFFF_F000_0000,
}  # fmt: skip
_LARGEST = {"float16": "65,504", "bfloat16": "3.39e38", "float32": "3.40e38"}
_ROOMIER = {"float16": "bfloat16", "bfloat16": "float32"}


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
    wider = (SetOption("dtype", _ROOMIER[target]),) if target in _ROOMIER else ()
    either = "Convert with a type that has the range of the source" if wider else "Look for a source without them"
    return ConversionFailed(
        f"{name} has {count:,} {'value' if count == 1 else 'values'} that {target} can't hold "
        f"(its largest is {_LARGEST.get(target, 'less')}): as infinity they would spoil every answer.",
        hint=f"Nothing was published. {either}, or agree to have such values in the result.",
        remedies=(*wider, SetOption("allow_overflow", True)),
        code="overflow",
    )


def findings(source: Mapping[str, int], made: Mapping[str, int]) -> Iterable[Finding]:
    """Warnings about tensors with values that are not finite, in the ``source`` and newly ``made``: how many."""
    if source:
        yield Finding(
            code="not_finite",
            level="warning",
            message=f"{_values(source)} of the source {_are(source)} not finite (NaN or infinity): {_named(source)}.",
            hint="The model may answer nonsense. Download it again; if that changes nothing, its author should know.",
        )
    if made:
        yield Finding(
            code="overflow",
            level="warning",
            message=f"{_values(made)} of the result {_are(made)} not finite, though the source's numbers are, as the"
            f" request allows: {_named(made)}.",
            hint="The model may answer nonsense: try it before you rely on it.",
        )


def _values(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    return f"{total:,} {'value' if total == 1 else 'values'}"


def _are(counts: Mapping[str, int]) -> str:
    return "is" if sum(counts.values()) == 1 else "are"


def _named(counts: Mapping[str, int]) -> str:
    named = ", ".join(f"{name} has {count:,}" for name, count in sorted(counts.items())[:NAMED])
    return named + (f" and {len(counts) - NAMED} more tensors" if len(counts) > NAMED else "")


def name_of(dtype: Any) -> str:
    """``float16`` of ``mlx.core.float16``; "" for what is no float."""
    name = str(dtype).rpartition(".")[2]
    return name if name in dtypes.STORED else ""
