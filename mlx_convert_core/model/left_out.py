"""What of a source does not reach the result: tensors by what they are for, so that nothing is lost in silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlx_convert_core.base import units

SHOWN = 3  # names of a kind that are kept as examples

Effect = Literal["sense", "ability", "unknown", "none"]
"""What a result lacks: pictures or sound, another ability, nobody can tell what, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Tensors of one ``kind`` (a key of `KINDS`) that are in a source and not in what is made of it.

    ``tensors`` is how many, 0 in files that were not opened; ``nbytes`` their bytes; ``examples`` a few of their names,
    or of the files.
    """

    kind: str
    tensors: int
    nbytes: int
    examples: tuple[str, ...] = ()

    @property
    def effect(self) -> Effect:
        """What the result lacks for it."""
        return KINDS[self.kind].effect if self.kind in KINDS else "unknown"

    @property
    def words(self) -> str:
        """``the vision tower (437 tensors, 812 MB)``."""
        title = KINDS[self.kind].title if self.kind in KINDS else self.kind
        counted = f"{self.tensors:,} tensor{'' if self.tensors == 1 else 's'}, " if self.tensors else ""
        return f"{title} ({counted}{units.size(self.nbytes)})"


@dataclass(frozen=True, slots=True)
class Kind:
    """What tensors of a kind are, as a part of a sentence, and what is lost without them."""

    title: str
    effect: Effect
    loss: str = ""


KINDS: dict[str, Kind] = {
    "vision": Kind("the vision tower", "sense", "pictures"),
    "audio": Kind("the part for sound", "sense", "sound"),
    "projector": Kind("the projector, which leads from them to the text model", "sense"),
    "draft": Kind(
        "draft heads, which guess several tokens ahead", "ability", "its answers stay the same, none is faster"
    ),
    "head": Kind("a classifier or reward head", "ability", "it can't score or classify"),
    "adapter": Kind("an adapter (LoRA), which is not applied", "ability", "it is the model without that training"),
    "layers": Kind("layers beyond those that config.json counts", "ability", "it ends before them"),
    "files": Kind("weight files that no index or usual name claims", "unknown"),
    "scales": Kind("scales of packed weights", "unknown"),
    "unknown": Kind("tensors of unknown use", "unknown"),
    "tied_head": Kind("an output head in whose place the embeddings are used", "none"),
    "shared": Kind("keys and values that are taken from an earlier layer", "none"),
    "empty": Kind("experts that give back what they get, and compute nothing", "none"),
    "buffer": Kind("buffers that are computed anew", "none"),
    "packing": Kind("numbers of the source's own packing", "none"),
    "again": Kind("files that only repeat tensors of others", "none"),
    "copy": Kind("the same weights in their maker's own format", "none"),
}
"""By name, in the order in which they are told."""
