"""What mlx-lm can and can't do with a source, told from config and headers alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlx_convert_core.plugin import ConvertPlan, Finding, ModelInfo, quantization_config
from mlx_convert_lm.architectures import model_types, module_of, nearest

# Methods whose packed weights mlx-lm loads as they are (mlx_lm.utils.load_model).
CARRIED = ("bitnet", "mxfp4", "mxfp8", "awq", "gptq", "compressed-tensors", "modelopt")
CARRIED_FORMATS = ("nvfp4-pack-quantized", "mxfp4-pack-quantized", "pack-quantized")
# Methods that have a code of their own; the word in config.json may be anything.
OTHERS = (
    "fp8",
    "fbgemm_fp8",
    "bitsandbytes",
    "hqq",
    "auto-round",
    "quanto",
    "torchao",
    "aqlm",
    "eetq",
    "quark",
    "vptq",
)

EIGHT_BIT_FLOATS = ("F8_E4M3", "F8_E5M2")  # mlx-lm would take their bytes for integers
MODELOPT = "hf_quant_config.json"  # where NVIDIA's tool may say it instead


def examine(plan: ConvertPlan) -> Iterator[Finding]:
    """Findings about the architecture, and about a source that is quantized already."""
    config = plan.model.config
    module = module_of(config)
    if module is None and not config.get("model_file"):
        yield _unsupported(plan.model)
        return
    method = quantization_config(config)
    if method is None and _unexplained(plan.model):
        yield _eight_bit_floats(plan.model)
    if method is not None:
        source = module.read_text(encoding="utf-8") if module else ""
        if method.get("quant_method") == "bitnet" and "BitLinear" not in source and _quantizes(plan):
            yield _mixed_with_ternary(plan.model)
            return
        yield _quantized_source(plan.model, method, dequantizes="weight_scale_inv" in source)


def _unexplained(model: ModelInfo) -> bool:
    """Whether there are 8-bit floats and nobody says what they stand for."""
    return any(tensor.dtype in EIGHT_BIT_FLOATS for tensor in model.tensors) and not model.matching(MODELOPT)


def _eight_bit_floats(model: ModelInfo) -> Finding:
    return Finding(
        code="source_fp8",
        level="error",
        message=f"{model.name} stores 8-bit floats, and config.json does not say how to expand them.",
        hint="Convert the original bf16 model; its page names it as the base model.",
    )


def _unsupported(model: ModelInfo) -> Finding:
    vision = any(key in model.config for key in ("vision_config", "audio_config"))
    near = nearest(model.model_type)
    if vision:
        hint = "It is a picture or sound model: mlx-vlm may convert it. "
    elif near:
        hint = f"Similar ones that work: {', '.join(near)}. "
    else:
        hint = "A newer mlx-lm may know it. "
    return Finding(
        code="vision" if vision else "arch",
        level="error",
        message=f"{model.name} uses model type '{model.model_type}', which mlx-lm can't run.",
        hint=f"{hint}See `mlx-convert architectures` for the {len(model_types())} that work.",
    )


def _quantizes(plan: ConvertPlan) -> bool:
    return any(output.quantization for output in plan.outputs)


def _mixed_with_ternary(model: ModelInfo) -> Finding:
    """mlx-lm looks for its own quantized layers or for ternary ones, never for both."""
    return Finding(
        code="source_bitnet",
        level="error",
        message=f"{model.name} has ternary layers (bitnet); with other layers quantized it would not load again.",
        hint="Convert it without quantization: --preset bf16. The ternary layers stay as small as they are.",
    )


def _quantized_source(model: ModelInfo, config: dict[str, Any], *, dequantizes: bool) -> Finding:
    method = str(config.get("quant_method", "")).lower()
    refused = _refusal(model, config, method, dequantizes=dequantizes)
    if refused:
        return Finding(
            code=f"source_{method.replace('-', '_')}" if method in (*CARRIED, *OTHERS) else "quant_unknown",
            level="error",
            message=f"{model.name} is quantized by {method}: {refused}.",
            hint="Convert the original bf16 model; its page names it as the base model.",
        )
    if method == "fp8" and dequantizes:
        return Finding(
            code="source_fp8",
            level="info",
            message=f"{model.name} stores 8-bit floats; they are expanded first.",
        )
    return Finding(
        code="source_quantized",
        level="warning",
        message=f"{model.name} is quantized by {method}; its quantized layers are carried over with their own bits.",
        hint="For a free choice of bits, convert the original bf16 model.",
    )


def _refusal(model: ModelInfo, config: dict[str, Any], method: str, *, dequantizes: bool) -> str:
    """Why mlx-lm can't take this quantized source, "" when it can."""
    if method == "fp8":
        packed = config.get("scale_fmt") == "ue8m0" and list(config.get("weight_block_size") or ()) == [32, 32]
        return "" if packed or dequantizes else "mlx-lm does not expand 8-bit floats for this architecture"
    if method == "compressed-tensors" and config.get("format") not in CARRIED_FORMATS:
        return f"mlx-lm can't read its format {config.get('format')!r}"
    if method in ("awq", "gptq"):
        if config.get("bits", 4) != 4:
            return f"mlx-lm takes 4 bits only, not {config.get('bits')}"
        if any(tensor.name.endswith(".g_idx") for tensor in model.tensors):
            return "its groups are reordered (g_idx), which mlx-lm can't read"
    if method == "modelopt":
        settings = config.get("quantization")
        algorithm = (settings if isinstance(settings, dict) else config).get("quant_algo")
        return "" if algorithm == "NVFP4" else f"mlx-lm takes NVFP4 only, not {algorithm}"
    return "" if method in CARRIED else "mlx-lm does not know this method"
