"""What mlx-lm can and can't do with a source, told from config and headers alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlx_convert_engine.eight_bit_floats import EIGHT_BIT_FLOATS
from mlx_convert_engine.stored_types import plain_floats
from mlx_convert_engine.unpacking.carried_over import can_be_carried

from mlx_convert_core.plugin import (
    ConvertPlan,
    DecodedModel,
    DecodedTensor,
    Finding,
    LeaveOut,
    ModelInfo,
    RunCommand,
    RunElsewhere,
    SetOption,
    TensorInfo,
    file_names,
    install_command,
    packed_tensors,
    quantization_config,
)
from mlx_convert_lm.architectures import model_types, nearest, supported
from mlx_convert_lm.mlx_sources import by_mlx, examine_quantized
from mlx_convert_lm.odd_types import ORIGINAL, original, unread_types
from mlx_convert_lm.packers import held_packed, method_of, packed_words, refusal, refusal_code

_SEEING = "mlx-convert-vlm"
# Tensors that only a packing tool makes, whatever config.json says.
_MADE_BY_PACKERS = (".qweight", ".qzeros", ".g_idx", ".weight_packed", ".absmax", ".quant_map", ".SCB")


def examine(plan: ConvertPlan, source: DecodedModel) -> Iterator[Finding]:
    """Findings about the architecture, and about a ``source`` that is quantized already, as decoders show it."""
    config = plan.model.config
    refused = judge(plan.model)
    if refused is not None:
        yield refused
        return
    ternary = method_of(config) == "bitnet" or config.get("model_type") == "bitnet"
    if ternary and not packed_tensors(plan.model.tensors):
        yield _ternary_as_it_runs(plan.model)
        return
    unread = unread_types(plan.model)
    yield from unread
    if plan.request.dequantize and (held_packed(plan.model) or can_be_carried(plan.model)):
        yield _could_be_held(plan.model)
    if by_mlx(config):
        yield from examine_quantized(plan, source)
    elif not any(finding.level == "error" for finding in unread):
        yield from _packed(source)


def judge(model: ModelInfo) -> Finding | None:
    """Why the architecture that config.json names can't be converted, None when it can."""
    return None if supported(model.config) else _unsupported(model)


def _packed(source: DecodedModel) -> Iterator[Finding]:
    """What becomes of packed tensors that nothing decodes: carried over, or refused with the reason."""
    model = source.model
    plain = plain_floats(model.config, source.stored.tensors)
    if plain:
        yield Finding(
            code="source_fp8",
            level="warning",
            message=f"{model.name} stores {len(plain):,} tensors as 8-bit floats without scales,"
            f" {plain[0].name} for one; they are taken for the numbers themselves.",
            hint="If the original has scales for them, they were lost: try the result before you rely on it.",
        )
    done = {tensor.name for tensor in plain}
    packed = [
        tensor
        for tensor in packed_tensors(model.tensors)
        if tensor.name not in done and not isinstance(tensor, DecodedTensor)  # what a decoder shows, it tells of
    ]
    settings = quantization_config(model.config)
    if settings is None:
        yield from _unexplained(model, packed)
    elif packed:
        yield _carried(model, packed)


def _unexplained(model: ModelInfo, packed: Sequence[TensorInfo]) -> Iterator[Finding]:
    """What there is to say of packed tensors that config.json says nothing of: an error, where a tool made them."""
    if model.matching(file_names.MODELOPT):
        return
    if _eight_bits(packed):
        yield _refused(
            model, "source_fp8", f"{model.name} stores 8-bit floats, and config.json does not say how to expand them."
        )
        return
    made = [tensor for tensor in packed if tensor.name.endswith(_MADE_BY_PACKERS)]
    if made:
        told = f"{model.name} is {packed_words(model.config, made)}, and its config.json does not say how."
        if made[0].name.endswith((".absmax", ".quant_map")):
            yield _refused(model, code="bnb", message=told)
        else:
            yield _refused(model, "quant_unknown", told)
        return
    whole = [tensor for tensor in packed if tensor.name.endswith(".weight")]
    if whole:
        yield Finding(
            code="whole_numbers",
            level="warning",
            message=f"{model.name} stores weights as whole numbers ({len(whole):,} in all, {whole[0].dtype},"
            f" {whole[0].name} for one), and nothing says that they stand for others; they are taken for themselves.",
            hint="If a tool quantized them, their scales were lost: try the result before you rely on it.",
            remedies=original(model),
        )


def _odd_layer(model: ModelInfo, packed: Sequence[TensorInfo]) -> str:
    """The layer that its format's decoder does not take, while it takes others of the model; "" where it takes none,
    or where the layer has no other part."""
    read = sum(isinstance(tensor, DecodedTensor) for tensor in model.tensors)
    if not read:
        return ""
    layer = packed[0].name.rpartition(".")[0]
    parts = [tensor for tensor in model.tensors if tensor.name.startswith(f"{layer}.")]
    if len(parts) == 1:
        return ""
    told = ", ".join(f"{one.name.removeprefix(layer)} {one.dtype} {list(one.shape)}" for one in parts[:8])
    return f"{read:,} weights can be read, and the parts of {layer} don't go together ({told})"


def _carried(model: ModelInfo, packed: Sequence[TensorInfo]) -> Finding:
    words = packed_words(model.config, packed)
    reason = _odd_layer(model, packed) or refusal(model.config, packed)
    if not reason and method_of(model.config) == "fp8" and _scaled_unknown(model, packed):
        reason = _unscaled(model)
    if reason:
        return _refused(model, refusal_code(model.config), f"{model.name} is {words}: {reason}.")
    return Finding(
        code="source_quantized",
        level="warning",
        message=f"{model.name} is {words}; its packed layers are carried over with their own bits.",
        hint="For a free choice of bits, convert the original bf16 model, or have plain numbers made of them first.",
        remedies=(SetOption("dequantize", True),),
    )


def _could_be_held(model: ModelInfo) -> Finding:
    return Finding(
        code="source_quantized",
        level="info",
        message=f"{model.name} has packed layers that MLX can hold with their own bits; as it was asked for, they are"
        " read as plain numbers.",
        remedies=(LeaveOut("dequantize"),),
    )


def _refused(model: ModelInfo, code: str, message: str) -> Finding:
    return Finding(code=code, level="error", message=message, hint=ORIGINAL, remedies=original(model))


def _unscaled(model: ModelInfo) -> str:
    """What is wrong with the scales of the 8-bit floats that are left: those that can be expanded are gone, with
    theirs."""
    left = [tensor.name for tensor in model.tensors if tensor.dtype in EIGHT_BIT_FLOATS]
    if any("scale" in tensor.name.rpartition(".")[2] for tensor in model.tensors):
        return f"its scales are laid out in a way that is not known here ({left[0]} for one)"
    return f"there is no scale beside {left[0]}{f' and {len(left) - 1:,} more' if len(left) > 1 else ''}"


def _scaled_unknown(model: ModelInfo, packed: Sequence[TensorInfo]) -> bool:
    """Whether there are 8-bit floats that neither we can expand nor MLX can hold, whose scales are bytes."""
    bytes_ = any(tensor.dtype in ("F8_E8M0", "U8") and "scale" in tensor.name for tensor in packed)
    return not bytes_ and _eight_bits(packed)


def _eight_bits(packed: Sequence[TensorInfo]) -> bool:
    return any(tensor.dtype in EIGHT_BIT_FLOATS for tensor in packed)


def _unsupported(model: ModelInfo) -> Finding:
    vision = any(key in model.config for key in ("vision_config", "audio_config"))
    near = nearest(model.model_type)
    if vision:
        hint = f"It is a picture or sound model: the plugin {_SEEING} may convert it. "
    elif near:
        hint = f"Similar ones that work: {', '.join(near)}. "
    else:
        hint = "A newer mlx-lm may know it. "
    return Finding(
        code="vision" if vision else "arch",
        level="error",
        message=f"{model.name} uses model type '{model.model_type}', which mlx-lm can't run.",
        hint=f"{hint}There are {len(model_types())} that work.",
        remedies=(*([RunElsewhere(install_command(_SEEING))] if vision else []), RunCommand("architectures")),
    )


def _ternary_as_it_runs(model: ModelInfo) -> Finding:
    return Finding(
        code="source_bitnet",
        level="error",
        message=f"{model.name} stores plain numbers that are rounded to three values while it runs (bitnet); mlx-lm"
        " takes such layers packed only.",
        hint="Convert the model's packed version, which stores its layers in 2 bits.",
    )
