"""The built-in presets, each with a sentence on when to pick it."""

from __future__ import annotations

from mlx_convert_core.plugin import Preset, Quantization


def _affine(bits: int, summary: str) -> Preset:
    return Preset(name=f"{bits}bit", title=f"{bits}-bit", summary=summary, quantization=Quantization(bits=bits))


def _tuned(bits: int, summary: str) -> Preset:
    numbers = Quantization(bits=bits)
    return Preset(
        name=f"{bits}bit-tuned", title=f"{bits}-bit tuned", summary=summary, quantization=numbers, method="tuned"
    )


def _compensated(bits: int, summary: str) -> Preset:
    name, numbers = f"{bits}bit-compensated", Quantization(bits=bits)
    return Preset(
        name=name, title=f"{bits}-bit compensated", summary=summary, quantization=numbers, method="compensated"
    )


def _mixed(low: int, high: int, summary: str) -> Preset:
    name = f"mixed_{low}_{high}"
    return Preset(
        name=name, title=f"Mixed {low}/{high}", summary=summary, quantization=Quantization(bits=low), strategy=name
    )


_GENERAL = (
    _affine(4, "The usual choice: a quarter of the size, and most models keep nearly all of their quality."),
    _affine(6, "When 4-bit answers show mistakes and the memory allows half as much again."),
    _affine(8, "Practically the quality of the original at half its size. Pick it for small models."),
    Preset(
        name="bf16",
        title="bf16",
        summary="No quantization: the original numbers. For comparing, fine-tuning, or when memory is plentiful.",
        dtype="bfloat16",
    ),
    _affine(5, "A step between 4-bit and 6-bit, when every gigabyte counts."),
    _tuned(4, "4-bit with its numbers fitted to a text: the same size, a longer conversion."),
    _tuned(3, "3-bit with its numbers fitted to a text: for models too big otherwise."),
    _compensated(4, "4-bit tuned, and what one number loses is made good by others: the longest conversion."),
    _compensated(3, "3-bit tuned, and what one number loses is made good by others: the longest conversion."),
    _affine(3, "Only for models too big otherwise; expect worse answers."),
    _affine(2, "For experiments: most models break down at this size."),
    _mixed(4, 6, "4-bit with 6 bits for the layers that matter most: a little bigger, a little better than 4-bit."),
    _mixed(3, 6, "3-bit with 6 bits for the layers that matter most: for models that just miss fitting at 4-bit."),
    _mixed(3, 4, "3-bit with 4 bits for the layers that matter most: the smallest that large models often survive."),
    _mixed(2, 6, "2-bit with 6 bits for the layers that matter most: the smallest of all, for very large models."),
    Preset(
        name="mxfp4",
        title="MXFP4",
        summary="A 4-bit float format; for models trained with it (gpt-oss), on current MLX only.",
        quantization=Quantization(bits=4, group_size=32, mode="mxfp4"),
    ),
    Preset(
        name="nvfp4",
        title="NVFP4",
        summary="A finer 4-bit float format with small groups; current MLX only.",
        quantization=Quantization(bits=4, group_size=16, mode="nvfp4"),
    ),
    Preset(
        name="mxfp8",
        title="MXFP8",
        summary="An 8-bit float format: like 8-bit, a little smaller; current MLX only.",
        quantization=Quantization(bits=8, group_size=32, mode="mxfp8"),
    ),
    Preset(
        name="fp16",
        title="fp16",
        summary="No quantization, in float16: for M1 and M2 Macs, where it is faster than bf16.",
        dtype="float16",
    ),
    Preset(name="fp32", title="fp32", summary="No quantization, in float32: for measuring only.", dtype="float32"),
)

# What the models' authors recommend on their model cards.
_FOR_MODELS = (
    Preset(
        name="lfm2-1.2b-rag",
        title="LFM2 1.2B RAG",
        summary="Answers from documents that you give it; small models keep their quality at 8-bit.",
        quantization=Quantization(bits=8),
        ref="LiquidAI/LFM2-1.2B-RAG",
        temperature=0.0,
    ),
    Preset(
        name="lfm2-1.2b",
        title="LFM2 1.2B",
        summary="A small general model for laptops; 8-bit keeps its quality.",
        quantization=Quantization(bits=8),
        ref="LiquidAI/LFM2-1.2B",
        temperature=0.3,
        min_p=0.15,
        repetition_penalty=1.05,
    ),
    Preset(
        name="qwen2.5-0.5b-instruct",
        title="Qwen2.5 0.5B Instruct",
        summary="A very small multilingual model: at this size, use 8-bit.",
        quantization=Quantization(bits=8),
        ref="Qwen/Qwen2.5-0.5B-Instruct",
        temperature=0.7,
        top_p=0.8,
        top_k=20,
        repetition_penalty=1.1,
    ),
    Preset(
        name="qwen3-4b-instruct",
        title="Qwen3 4B Instruct",
        summary="A strong general model for 8 GB Macs at 4-bit.",
        quantization=Quantization(bits=4),
        ref="Qwen/Qwen3-4B-Instruct-2507",
        temperature=0.7,
        top_p=0.8,
        top_k=20,
    ),
    Preset(
        name="smollm2-135m-instruct",
        title="SmolLM2 135M Instruct",
        summary="Tiny, for trying things out; it needs 8-bit to make sense.",
        quantization=Quantization(bits=8),
        ref="HuggingFaceTB/SmolLM2-135M-Instruct",
        temperature=0.2,
        top_p=0.9,
    ),
)

PRESETS = (*_GENERAL, *_FOR_MODELS)
