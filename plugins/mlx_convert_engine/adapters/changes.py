"""What becomes of a tensor of a model by an adapter, whoever wrote it, in one form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mlx_convert_core.plugin import TensorInfo


class Misfit(Exception):
    """An adapter that can't be fused: ``code`` and words for a finding."""

    def __init__(self, code: str, told: str) -> None:
        super().__init__(told)
        self.code = code


@dataclass(frozen=True, slots=True)
class Factor:
    """A matrix of an adapter, or the one that it becomes with its rows for columns."""

    tensor: TensorInfo
    turned: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns as they count."""
        return self.tensor.shape[::-1] if self.turned else self.tensor.shape


def rank_of(path: str, factor: TensorInfo, said: object) -> int:
    """The rank of the layer ``path``, whose ``factor`` begins with it; raises Misfit where the config ``said`` another.

    Both libraries refuse that: a scale that is divided by the rank would be one of two. None says nothing.
    """
    rank = factor.shape[0] if len(factor.shape) == 2 else 0
    if said is not None and said != rank:
        raise Misfit(
            code="adapter_misfit",
            told=f"{path} has rank {rank}, and its config says {said!r:.40}: they are not of the same adapter",
        )
    return rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The change of one tensor of rows and columns as it is stored: ``scale`` times ``left @ right`` is added.

    Then, with ``magnitudes``, each row or column (``along``) is made as long as they say (DoRA). With ``new`` a whole
    tensor takes its place before that, and with ``words`` the rows ``at`` do (trained words).
    """

    left: Factor | None = None
    right: Factor | None = None
    scale: float = 1.0
    magnitudes: TensorInfo | None = None
    along: Literal["rows", "columns"] = "rows"
    new: TensorInfo | None = None
    words: TensorInfo | None = None
    at: tuple[int, ...] = ()

    @property
    def tensors(self) -> tuple[TensorInfo, ...]:
        """The tensors of the adapter that it takes."""
        factors = (factor.tensor for factor in (self.left, self.right) if factor is not None)
        return (*factors, *(one for one in (self.magnitudes, self.new, self.words) if one is not None))

    @property
    def held_bytes(self) -> int:
        """Bytes in memory while the tensor is read: factors and lengths as float32."""
        kept = [one for one in self.tensors if one is not self.new]
        return 4 * sum(one.parameters for one in kept)

    def shape_of(self, base: TensorInfo) -> tuple[int, ...]:
        """The shape of what ``base`` becomes; raises Misfit where the parts don't fit."""
        shape = self.new.shape if self.new is not None else base.shape
        if len(shape) != len(base.shape) or shape[1:] != base.shape[1:]:
            raise _misfit(base, self.tensors, shape)
        if self.left is not None and self.right is not None:
            fits = len(shape) == 2 and len(self.left.shape) == len(self.right.shape) == 2
            if not fits or (self.left.shape[0], self.right.shape[1]) != shape:
                raise _misfit(base, self.tensors, shape)
            if self.left.shape[1] != self.right.shape[0]:
                raise _misfit(base, self.tensors, shape)
        if self.magnitudes is not None:
            lengths = shape[0] if self.along == "rows" else shape[-1]
            if self.magnitudes.parameters != lengths:
                raise _misfit(base, self.tensors, shape)
        if self.words is not None:
            fits = self.words.shape == (len(self.at), *shape[1:]) and all(0 <= one < shape[0] for one in self.at)
            if not fits:
                raise _misfit(base, self.tensors, shape)
        return shape


def _misfit(base: TensorInfo, tensors: Iterable[TensorInfo], shape: Sequence[int]) -> Misfit:
    parts = ", ".join(f"{one.name} {list(one.shape)}" for one in tensors)
    return Misfit(code="adapter_misfit", told=f"{parts} can't change {base.name}, which is {list(shape)}")


def found_in(names: Mapping[str, object], wanted: str) -> str:
    """The name among ``names`` that a layer's own name ``wanted`` means, "" where none or several do.

    A library may put its model's name before that of a layer, or a model for pictures before its language model: of
    what is left the end decides.
    """
    parts = wanted.split(".")
    for cut in range(len(parts) - 1):
        rest = ".".join(parts[cut:])
        if rest in names:
            return rest
        ends = [name for name in names if name.endswith(f".{rest}")]
        if ends:
            return ends[0] if len(ends) == 1 else ""
    return ""


def matches(pattern: str, path: str) -> bool:
    """Whether ``pattern`` of an adapter's config means the layer ``path``, as peft takes it: at the end of its name.

    Raises Misfit for one that could take forever, which names of layers never need.
    """
    if len(pattern) > 200 or re.search(r"[(){]", pattern) or len(re.findall(r"[*+?]", pattern)) > 2:
        raise Misfit(
            code="adapter_kind", told=f"the pattern {pattern[:80]!r} in its config is too much for a layer's name"
        )
    try:
        return re.match(rf"(?:.*\.)?(?:{pattern})$", path) is not None
    except re.error:
        raise Misfit(code="adapter_kind", told=f"{pattern[:80]!r} in its config is no pattern") from None
