"""A model that a source tells of when it is searched, before anybody has looked at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlx_convert_core.model.dtypes import STORED
from mlx_convert_core.model.packing import quantization_config
from mlx_convert_core.model.quantization import Preset
from mlx_convert_core.model.safetensors import DTYPE_BYTES

_EXPANDED = ("fp8",)  # stored formats whose tensors are counted number by number, and quantized like plain ones


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundModel:
    """What a source's list says of a model. All of it is a stranger's text; what the list leaves out is 0, None or "".

    ``ref`` names it for everything that takes one. ``parameters`` counts its values as they are stored (packed integers
    once), ``stored_bytes`` is what they take there. ``config`` is as much of config.json as the list has, ``library``
    the name of the library that it was made for. One that is ``ready`` is in MLX's format: it answers as it is.
    ``updated`` is an ISO 8601 time. A ``gated`` one has to be asked for first. ``why`` is what the source says in its
    favour. The name of one that is ``near`` is only like the words that were searched for.
    """

    ref: str
    parameters: int = 0
    stored_bytes: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)
    library: str = ""
    ready: bool = False
    base_models: tuple[str, ...] = ()
    downloads: int | None = None
    likes: int | None = None
    licence: str = ""
    updated: str = ""
    gated: bool = False
    why: str = ""
    near: bool = False

    @property
    def name(self) -> str:
        """What it is called, without its owner."""
        return self.ref.rpartition("/")[2]

    @property
    def model_type(self) -> str:
        """Its architecture, "" when the list has none."""
        found = self.config.get("model_type")
        return found if isinstance(found, str) else ""

    @property
    def bits(self) -> int:
        """The bits that most of its numbers are quantized to, 0 when the list does not say."""
        found = (quantization_config(self.config) or {}).get("bits")
        return found if type(found) is int and 0 < found <= 32 else 0

    def bytes_at(self, preset: Preset | None) -> int:
        """What its weights will take, converted with ``preset``: nearly, for all values are taken for layers'.

        What is packed keeps its own bits, whatever the preset: what is stored. 0 when the list does not say enough.
        """
        packed = quantization_config(self.config)
        if self.ready or preset is None or (packed is not None and packed.get("quant_method") not in _EXPANDED):
            return self.stored_bytes
        numbers = preset.quantization
        if numbers is None:
            return self.parameters * DTYPE_BYTES[STORED[preset.dtype]] if preset.dtype else self.stored_bytes
        return numbers.packed_bytes((self.parameters,))
