"""Tiny checkpoints whose repos hold them quantized already, in ways that mlx-lm can take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from architectures.dense import DENSE
from architectures.experts import EXPERT_MODELS
from architectures.latent import LATENT_MODELS
from architectures.layouts import Rule, Spec, Specs
from architectures.nested import NESTED
from architectures.recurrent import RECURRENT
from architectures.tiny import Tiny

_ALL = DENSE | EXPERT_MODELS | LATENT_MODELS | RECURRENT | NESTED
_FP8 = {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}
_FOUR_BITS = {"bits": 4, "group_size": 64, "zero_point": True}


def _each(ends: tuple[str, ...], pack: Any, among: str = "") -> Rule:
    """Replace each weight of a linear layer whose name ends so (``among``: and holds this) by what ``pack`` makes."""

    def rule(specs: Specs) -> Specs:
        result: Specs = {}
        for name, spec in specs.items():
            layer = name.removesuffix(".weight")
            if name.endswith(".weight") and layer.endswith(ends) and among in layer and len(spec.shape) == 2:
                result |= {f"{layer}.{leaf}": packed for leaf, packed in pack(*spec.shape).items()}
            else:
                result[name] = spec
        return result

    return rule


def _awq(rows: int, width: int) -> Specs:
    groups = width // 64
    return {
        "qweight": Spec((width, rows // 8), "I32"),
        "qzeros": Spec((groups, rows // 8), "I32"),
        "scales": Spec((groups, rows), "F16"),
    }


def _awq_symmetric(rows: int, width: int) -> Specs:
    return {leaf: spec for leaf, spec in _awq(rows, width).items() if leaf != "qzeros"}


def _fp8(rows: int, width: int) -> Specs:
    blocks = (-(-rows // 128), -(-width // 128))
    return {"weight": Spec((rows, width), "F8_E4M3"), "weight_scale_inv": Spec(blocks, "F32")}


def _mxfp8(rows: int, width: int) -> Specs:
    return {"weight": Spec((rows, width), "F8_E4M3"), "weight_scale_inv": Spec((rows, width // 32), "U8")}


def _int4(rows: int, width: int) -> Specs:
    return {
        "weight_packed": Spec((rows, width // 8), "I32"),
        "weight_scale": Spec((rows, width // 32)),
        "weight_shape": Spec((2,), "I32"),
    }


def _mxfp4(rows: int, width: int) -> Specs:
    return {"weight_packed": Spec((rows, width // 2), "U8"), "weight_scale": Spec((rows, width // 32), "U8")}


def _ternary(rows: int, width: int) -> Specs:
    return {"weight": Spec((rows // 4, width), "U8"), "weight_scale": Spec((1,))}


def _tiles(rows: int, width: int) -> Specs:
    return {"weight": Spec((rows, width), "F8_E4M3"), "scale": Spec((-(-rows // 32), -(-width // 32)), "F8_E8M0")}


def _nibbles(rows: int, width: int) -> Specs:
    return {"weight": Spec((rows, width // 2), "I8"), "scale": Spec((rows, width // 32), "F8_E8M0")}


def _nvfp4_experts(specs: Specs) -> Specs:
    """The stacks of Muse Spark's inner layers, with a scale for 16 values and one for a whole projection."""
    result: Specs = {}
    for name, spec in specs.items():
        if "layers.1.mlp.experts." not in name or name.endswith(".weight"):
            result[name] = spec
            continue
        experts, rows, width = spec.shape
        result[name] = Spec((experts, rows, width // 2), "U8")
        result[f"{name}_weight_scale"] = Spec((experts, rows, width // 16), "F8_E4M3")
        result[f"{name}_weight_scale_2"] = Spec((experts, 2) if name.endswith("gate_up_proj") else (experts,), "F32")
        result[f"{name}_input_scale"] = Spec((experts,), "F32")
    return result


def _packed(model_type: str, quantization: dict[str, Any], *rules: Rule, **changes: Any) -> Tiny:
    model = _ALL[model_type]
    config = {"model_type": model_type, **model.config, "quantization_config": quantization}
    return replace(model, config=config, rules=(*model.rules, *rules), **changes)


_PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_LATENT = ("q_a_proj", "kv_a_proj_with_mqa", "q_b_proj", "kv_b_proj", *_PROJECTIONS)
_MIXTRAL = ("w1", "w2", "w3", *_PROJECTIONS)

PACKED: dict[str, Tiny] = {
    "llama-awq": _packed(
        "llama", {"quant_method": "awq", **_FOUR_BITS}, _each(_PROJECTIONS, _awq), stored="F16", cast="float16"
    ),
    "llama-awq-symmetric": _packed(
        "llama", {"quant_method": "awq", **_FOUR_BITS}, _each(_PROJECTIONS, _awq_symmetric), stored="F16", cast=""
    ),
    "llama-bitnet": _packed(
        "llama",
        {"quant_method": "bitnet", "modules_to_not_convert": ["lm_head"]},
        _each(_PROJECTIONS, _ternary),
    ),
    "deepseek_v3-fp8": _packed("deepseek_v3", _FP8, _each(_LATENT, _fp8)),
    "deepseek_v32-fp8": _packed("deepseek_v32", _FP8, _each(_LATENT, _fp8)),
    "minimax_m2-fp8": _packed("minimax_m2", _FP8, _each(_MIXTRAL, _fp8)),
    "mimo_v2_flash-fp8": _packed("mimo_v2_flash", _FP8, _each(_PROJECTIONS, _fp8)),
    "mistral4-fp8": _packed("mistral4", _FP8, _each(_LATENT, _fp8)),
    "kimi_k2-int4": _packed(
        "kimi_k2",
        {"quant_method": "compressed-tensors", "format": "pack-quantized"},
        _each(_PROJECTIONS, _int4, among=".experts."),
    ),
    "kimi_k3-mxfp4": _packed(
        "kimi_k3",
        {"quant_method": "compressed-tensors", "format": "mxfp4-pack-quantized"},
        _each(("w1", "w2", "w3"), _mxfp4, among=".experts."),
    ),
    "deepseek_v41-fp8-fp4": _packed(
        "deepseek_v41",
        {"quant_method": "fp8", "scale_fmt": "ue8m0", "weight_block_size": [32, 32]},
        _each(("w1", "w2", "w3"), _nibbles, among=".ffn.experts."),
        _each(("wq_b", "wo_b"), _tiles),
    ),
    "muse_spark-nvfp4": _packed("muse_spark", {"quant_method": "modelopt", "quant_algo": "NVFP4"}, _nvfp4_experts),
    "minimax_m3_vl-mxfp8": _packed("minimax_m3_vl", {"quant_method": "mxfp8"}, _each(_MIXTRAL, _mxfp8)),
}
