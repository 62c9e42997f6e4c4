"""What a layer's numbers become: quantization, strategies and presets, with the arithmetic of their size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.model.answer_settings import SAMPLER_LIMITS
from mlx_convert_core.model.dtypes import Dtype

Mode = Literal["affine", "mxfp4", "nvfp4", "mxfp8"]
MODES: tuple[str, ...] = get_args(Mode)
AFFINE_BITS = (2, 3, 4, 5, 6, 8)
AFFINE_GROUP_SIZES = (32, 64, 128)
DEFAULT_BITS, DEFAULT_GROUP_SIZE = 4, 64  # as MLX has them
RECOMMENDED = "4bit"  # the preset of a person who names none
USUAL = ("4bit", "6bit", "8bit", "bf16")  # the presets that a person is shown who has not said what to make
PLAIN = "bf16"  # that of a person who wants packed numbers plain and says nothing else
# Modes other than affine are fixed formats: (bits, group size).
FIXED_MODES: dict[str, tuple[int, int]] = {"mxfp4": (4, 32), "nvfp4": (4, 16), "mxfp8": (8, 32)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """The numbers for one layer: bits per value, values that share a scale, and the number format.

    Raises InvalidRequest (codes ``bits``, ``group_size``, ``mode``) for a combination that MLX lacks.
    Formats: https://ml-explore.github.io/mlx/build/html/python/_autosummary/mlx.core.quantize.html
    """

    bits: int
    group_size: int = DEFAULT_GROUP_SIZE
    mode: Mode = "affine"

    def __post_init__(self) -> None:
        if self.mode in FIXED_MODES:
            bits, group_size = FIXED_MODES[self.mode]
            if (self.bits, self.group_size) != (bits, group_size):
                raise InvalidRequest(
                    f"mode {self.mode} means {bits} bits and group size {group_size}, "
                    f"not {self.bits} bits and group size {self.group_size}.",
                    hint=f"Leave bits and group size out, or use {bits:d} bits and group size {group_size:d}.",
                    code="mode",
                )
            return
        if self.mode != "affine":
            raise InvalidRequest(
                f"there is no quantization mode '{self.mode}'.",
                hint=f"Use one of: {', '.join(MODES)}.",
                code="mode",
            )
        if self.bits not in AFFINE_BITS:
            raise InvalidRequest(
                f"{self.bits} bits are not supported.",
                hint=f"Use one of: {_listed(AFFINE_BITS)}. 16 bits is the preset bf16.",
                code="bits",
            )
        if self.group_size not in AFFINE_GROUP_SIZES:
            raise InvalidRequest(
                f"group size {self.group_size} is not supported.",
                hint=f"Use one of: {_listed(AFFINE_GROUP_SIZES)}. {DEFAULT_GROUP_SIZE} is what most MLX models use.",
                code="group_size",
            )

    @classmethod
    def of(cls, *, bits: int | None = None, group_size: int | None = None, mode: Mode = "affine") -> Quantization:
        """A quantization with what is left out filled in as MLX does: 4 bits, group 64 for affine."""
        default_bits, default_group = FIXED_MODES.get(mode, (DEFAULT_BITS, DEFAULT_GROUP_SIZE))
        return cls(
            bits=default_bits if bits is None else bits,
            group_size=default_group if group_size is None else group_size,
            mode=mode,
        )

    def as_config(self) -> dict[str, int | str]:
        """The entry of config.json's ``quantization`` that MLX readers expect."""
        return {"group_size": self.group_size, "bits": self.bits, "mode": self.mode}

    def packed_bytes(self, shape: tuple[int, ...], scale_bytes: int = 2) -> int:
        """Bytes of a layer of ``shape`` (last axis divisible by the group size), scales included.

        Affine stores a scale and a bias of ``scale_bytes`` per group, the other modes one byte a group.
        """
        values = _product(shape)
        overhead = 2 * scale_bytes if self.mode == "affine" else 1
        return values * self.bits // 8 + values // self.group_size * overhead

    def __str__(self) -> str:
        if self.mode != "affine":
            return self.mode
        return f"{self.bits} bit, group {self.group_size}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizedLayer:
    """A layer that is quantized, and with which numbers."""

    path: str
    quantization: Quantization


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLayer:
    """A layer that could be quantized and is not, with the reason and the bytes that it keeps."""

    path: str
    reason: str
    nbytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerInfo:
    """One layer that could be quantized, as a strategy sees it.

    ``path`` is the module's path (``model.layers.0.mlp.up_proj``), ``shape`` its weight's shape with
    the input width last, ``num_layers`` the model's number of blocks.
    """

    path: str
    shape: tuple[int, ...]
    kind: str = "Linear"
    num_layers: int = 0


QuantizeStrategy = Callable[[LayerInfo], "Quantization | None"]
"""Asked once for each layer; None keeps the layer as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A named bundle that a person picks: numbers, strategy and dtype, with a sentence on when to pick it.

    ``quantization`` None converts without quantizing; ``method`` says how numbers are rounded, None: to the nearest.
    ``ref`` is set by presets made for one model.
    The sampler settings are what the model's authors recommend; None means no recommendation.
    """

    name: str
    title: str
    summary: str
    quantization: Quantization | None = None
    strategy: str | None = None
    method: str | None = None
    dtype: Dtype | None = None
    ref: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None

    @property
    def advice(self) -> dict[str, float]:
        """The sampler settings that are recommended, by the names that GenerateRequest has for them."""
        values = {name: getattr(self, name, None) for name in SAMPLER_LIMITS}
        return {name: value for name, value in values.items() if value is not None}


def preset_with_advice(presets: Iterable[Preset], source: str) -> Preset | None:
    """The first of ``presets`` that is made for ``source``, a ref, and has advice for its answers."""
    return next((preset for preset in presets if preset.advice and preset.ref and preset.ref == source), None)


def bits_per_weight(nbytes: int, parameters: int) -> float:
    """Measured average over the whole model, scales included (bits); 0 for an empty model."""
    return nbytes * 8 / parameters if parameters else 0.0


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _product(shape: tuple[int, ...]) -> int:
    values = 1
    for size in shape:
        values *= size
    return values
