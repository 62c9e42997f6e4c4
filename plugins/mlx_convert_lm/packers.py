"""The tools that pack weights: how each is told, and why mlx-lm can't take what it made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlx_convert_engine.unpacking.carried_over import can_be_carried

from mlx_convert_core.plugin import ModelInfo, TensorInfo, file_names, packed_tensors, quantization_config

# Methods whose packed weights mlx-lm loads as they are (mlx_lm.utils.load_model), where the model class knows them.
CARRIED = ("bitnet", "mxfp4", "mxfp8", "awq", "compressed-tensors", "modelopt", "fp8")
CARRIED_FORMATS = ("nvfp4-pack-quantized", "mxfp4-pack-quantized", "pack-quantized")
# Methods that have a code of their own; the word in config.json may be anything.
OTHERS = (
    "fbgemm_fp8",
    "bitsandbytes",
    "gptq",
    "hqq",
    "auto-round",
    "quanto",
    "torchao",
    "aqlm",
    "eetq",
    "quark",
    "vptq",
)
# What a tool's tensors are called, where config.json says nothing of it.
_SIGNS = ((".g_idx", "gptq"), (".weight_packed", "compressed-tensors"), (".absmax", "bitsandbytes"))
_AWQ_ORDERS = ("gemm", "")


def refusal_code(config: Mapping[str, Any]) -> str:
    """The code for a source that is packed by the method its config names."""
    method = method_of(config)
    return f"source_{method.replace('-', '_')}" if method in (*CARRIED, *OTHERS) else "quant_unknown"


def method_of(config: Mapping[str, Any]) -> str:
    """The method that the config names, "" for none."""
    return str((quantization_config(config) or {}).get("quant_method") or "").lower()


def packed_words(config: Mapping[str, Any], packed: Sequence[TensorInfo]) -> str:
    """``packed by gptq with 4 bits``, as far as it is known."""
    settings = quantization_config(config) or {}
    method = method_of(config) or next((tool for end, tool in _SIGNS if any_ends(packed, end)), "")
    bits = bits_of(settings)
    form = f" as {settings['format']}" if isinstance(settings.get("format"), str) else ""
    said = f"packed by {method}{form}" if method else f"packed ({packed[0].name} is stored as {packed[0].dtype})"
    return said + (f" with {bits} bits" if bits else "")


def bits_of(settings: Mapping[str, Any]) -> int:
    """The bits of a weight, wherever a tool writes them; 0 when it does not."""
    for name in ("bits", "w_bit", "nbits"):
        if type(settings.get(name)) is int:
            return int(settings[name])
    for weights in _groups(settings):
        if type(weights.get("num_bits")) is int:
            return int(weights["num_bits"])
    if settings.get("load_in_4bit"):
        return 4
    return 8 if settings.get("load_in_8bit") else 0


def refusal(config: Mapping[str, Any], packed: Sequence[TensorInfo]) -> str:
    """Why mlx-lm can't take ``packed`` tensors of a source, "" when its model class decides."""
    settings = quantization_config(config) or {}
    method = method_of(config)
    if method == "gptq":
        return "it packs along the inputs of a layer, in a layout that is not known here"
    if method == "awq":
        return _refused_awq(settings, packed)
    if method == "compressed-tensors":
        return _refused_compressed(settings, packed)
    if method == "modelopt":
        inner = settings.get("quantization")
        algorithm = (inner if isinstance(inner, dict) else settings).get("quant_algo")
        return "" if algorithm == "NVFP4" else f"mlx-lm takes NVFP4 only, not {algorithm}"
    return "" if method in CARRIED else "mlx-lm does not know this method"


def held_packed(model: ModelInfo) -> bool:
    """Whether mlx-lm loads what is packed in ``model`` as it is, if its model class knows it."""
    if not method_of(model.config):
        return bool(model.matching(file_names.MODELOPT))
    if method_of(model.config) not in CARRIED:
        return False
    packed = packed_tensors(model.tensors)
    words = any(one.dtype == "I32" and one.name.endswith((".weight_packed", ".qweight")) for one in packed)
    if words and _shown_by_rows(model):
        return False  # integers are shown in MLX's own packing, to every class but a model's own
    return bool(packed) and not refusal(model.config, packed)


def _shown_by_rows(model: ModelInfo) -> bool:
    """Whether the engine reads the packed integers of ``model``, so that no layer is ever whole in memory.

    Of AWQ that is so where MLX can hold each of its layers; else mlx-lm repacks them, whole ones at once.
    """
    if model.config.get("model_file"):
        return False
    return method_of(model.config) == "compressed-tensors" or (
        method_of(model.config) == "awq" and can_be_carried(model, whole=True)
    )


def any_ends(tensors: Iterable[TensorInfo], end: str) -> bool:
    """Whether the name of one of ``tensors`` ends so."""
    return any(tensor.name.endswith(end) for tensor in tensors)


def _refused_awq(settings: Mapping[str, Any], packed: Sequence[TensorInfo]) -> str:
    if settings.get("bits", 4) != 4:
        return f"mlx-lm takes 4 bits only, not {settings.get('bits')}"
    if any_ends(packed, ".g_idx"):
        return "its groups are reordered (g_idx), which mlx-lm can't read"
    order = str(settings.get("version") or "").lower()
    by_name = {one.name: one for one in packed}
    scales = {one.name.removesuffix(".scales"): one for one in packed if one.name.endswith(".scales")}
    for one in packed:
        beside = scales.get(one.name.removesuffix(".qweight")) if one.name.endswith(".qweight") else None
        if beside is not None and one.shape[-1] * 8 != beside.shape[-1]:
            order = order if order not in _AWQ_ORDERS else "another order"
            break
    for name, one in by_name.items():
        zeros = by_name.get(f"{name.removesuffix('qweight')}qzeros") if name.endswith(".qweight") else None
        beside = scales.get(name.removesuffix(".qweight"))
        if zeros is not None and beside is not None and zeros.shape != (beside.shape[0], one.shape[-1]):
            return f"its zero points are laid out in a way that mlx-lm does not read ({zeros.name})"
    return "" if order in _AWQ_ORDERS else f"it is packed for {order}, and mlx-lm reads the order of GEMM only"


def _refused_compressed(settings: Mapping[str, Any], packed: Sequence[TensorInfo]) -> str:
    form = settings.get("format")
    if form not in CARRIED_FORMATS:
        return f"mlx-lm can't read its format {form!r}"
    if any_ends(packed, "weight_g_idx"):
        return "its groups are reordered (g_idx) in a way that is not known here"
    if any_ends(packed, "weight_zero_point"):
        return "its numbers have a zero point in a layout that is not known here"
    for weights in _groups(settings) if form == "pack-quantized" else ():
        if weights.get("num_bits", 4) != 4:
            return f"mlx-lm takes 4 bits only, not {weights.get('num_bits')}"
        if weights.get("symmetric") is False:
            return "its numbers have a zero point in a layout that is not known here"
    return ""


def _groups(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What compressed-tensors says of the weights of each group of layers."""
    groups = settings.get("config_groups")
    found = (
        [group.get("weights") for group in groups.values() if isinstance(group, dict)]
        if isinstance(groups, dict)
        else []
    )
    return [weights for weights in found if isinstance(weights, dict)]
