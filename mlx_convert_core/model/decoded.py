"""Tensors as a decoder shows them: plain numbers in place of what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.safetensors import TensorInfo

WORDS = "U32"  # the type of what MLX has packed


class DecodedTensor(TensorInfo, frozen=True, kw_only=True, gc=False):
    """A tensor of plain numbers that ``parts``, tensors of the source, stand for, such as packed values and scales.

    ``shape`` and ``dtype`` (``BF16``, ``F16`` or ``F32``) are those of the numbers; ``U32`` (`WORDS`) is for words of a
    layer that stays packed, as MLX packs it, with its scales and biases beside it. It counts as in the file of its
    first part; ``start`` and ``end`` mean nothing. It is ``changed`` where its numbers are others than the source's,
    by an adapter. A part may be a tensor as another decoder shows it.
    """

    parts: tuple[TensorInfo, ...]
    changed: bool = False

    @property
    def stands_for_itself(self) -> bool:
        """Whether it is stored under the same name, in the same type and shape, and only in other bytes."""
        first = self.parts[0]
        itself = (first.name, first.dtype, first.shape) == (self.name, self.dtype, self.shape)
        return itself and len(self.parts) == 1 and not self.changed

    @property
    def stored(self) -> tuple[TensorInfo, ...]:
        """The tensors of the source behind it, through whatever other decoders show."""
        if not any(isinstance(part, DecodedTensor) for part in self.parts):
            return self.parts
        parts = (part.stored if isinstance(part, DecodedTensor) else (part,) for part in self.parts)
        return tuple(tensor for tensors in parts for tensor in tensors)

    @property
    def shards(self) -> tuple[str, ...]:
        """The files that hold its parts."""
        return tuple(sorted({part.shard for part in self.stored}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a decoder makes of a model: the ``tensors`` that it shows in place of their parts.

    ``unneeded`` are names of stored tensors that no model class has a use for once that is done, such as the scales of
    activations; what is said of tensors that are left out names them. ``findings`` tell a person about it; an error
    refuses the conversion. ``config`` is what config.json says of a model that is shown so, None: what it says.
    """

    tensors: tuple[DecodedTensor, ...] = ()
    config: Mapping[str, Any] | None = None
    unneeded: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
