"""Types of stored numbers that MLX lacks: those that are read here, and those that nobody here reads, by their name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlx_convert_engine.eight_bit_floats import EIGHT_BIT_FLOATS
from mlx_convert_engine.stored_types import WIDE

from mlx_convert_core.plugin import Finding, ModelInfo, Remedies, TensorInfo, UnsupportedModel, UseInstead, base_model

ORIGINAL = "Convert the original bf16 model; its page names it as the base model."
_BITS_SHARED = "several of which share a byte; what they are worth depends on scales that nothing here knows"
_FNUZ = "8-bit floats as AMD's older chips have them, with another exponent and no infinity; MLX has none such"
_UNREAD = {
    "F4": f"4-bit floats, {_BITS_SHARED}",
    "F6_E2M3": f"6-bit floats, {_BITS_SHARED}",
    "F6_E3M2": f"6-bit floats, {_BITS_SHARED}",
    "F8_E4M3FNUZ": _FNUZ,
    "F8_E5M2FNUZ": _FNUZ,
    "F8_E8M0": "powers of two, which are scales of packed weights and no weights themselves",
}


def unread_types(model: ModelInfo) -> tuple[Finding, ...]:
    """What there is to say of tensors in types that MLX lacks: an error for the first type that is not read here."""
    for dtype, words in _UNREAD.items():
        found = [tensor for tensor in model.tensors if tensor.dtype == dtype and not _is_scale(tensor)]
        if found:
            message = f"{_stored(model.name, found)}: these are {words}."
            steps = original(model)
            return (Finding(code="stored_type", level="error", message=message, hint=ORIGINAL, remedies=steps),)
    wide = [tensor for tensor in model.tensors if tensor.dtype == WIDE]
    if wide:
        message = f"{_stored(model.name, wide)}; MLX has no such type, and they are read as float32."
        return (Finding(code="stored_type", level="info", message=message),)
    return ()


def original(model: ModelInfo) -> Remedies:
    """To convert the model that this one was made from, where it says which."""
    base = base_model(model)
    return (UseInstead(base),) if base else ()


def not_loaded(folder: Path, name: str, dtype: str) -> UnsupportedModel:
    """The error for the model ``name`` in ``folder``, which MLX does not load for the type ``dtype`` of a tensor."""
    read_here = dtype in (WIDE, *EIGHT_BIT_FLOATS)
    return UnsupportedModel(
        f"{name} stores numbers as {dtype}, a type that MLX lacks, so it can't be loaded as it is.",
        hint="Convert it first: that reads them." if read_here else "Take another model: this type is not read here.",
        remedies=(UseInstead(str(folder)),) if read_here else (),
        code="stored_type",
    )


def _stored(name: str, found: Sequence[TensorInfo]) -> str:
    several = f"{len(found):,} tensors" if len(found) > 1 else "a tensor"
    example = f", {found[0].name} for one" if len(found) > 1 else f", {found[0].name}"
    return f"{name} stores {several} as {found[0].dtype}{example}"


def _is_scale(tensor: TensorInfo) -> bool:
    """Whether a tensor in powers of two is what such are for; a class may know its weights."""
    return tensor.dtype == "F8_E8M0" and "scale" in tensor.name.rpartition(".")[2]
