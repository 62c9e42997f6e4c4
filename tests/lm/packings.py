"""A weight packed as several tools do it, and the numbers that it stands for by their published formulas.

Everything is put together value by value, so that nothing of how the product reads it is repeated here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from stored import Stored, as_bfloat16

Array = np.ndarray[Any, Any]
Packing = Callable[[np.random.Generator, int, int], tuple[dict[str, Stored], Array]]
"""(random numbers, outputs, inputs) -> tensors by what follows the layer's name, and float32 numbers."""


@dataclass(frozen=True)
class Tool:
    """How a tool packs a weight, and what it says in config.json."""

    pack: Packing
    quantization: Mapping[str, Any]
    config: Mapping[str, Any] = field(default_factory=dict)


def stored(dtype: str, values: Array) -> Stored:
    return Stored(dtype, values.shape, np.ascontiguousarray(values).tobytes())


def in_stream(codes: Array, bits: int) -> Array:
    """Integers down the first axis as a stream of bits in words of 32: (count, n) becomes (count * bits / 32, n)."""
    count, others = codes.shape
    words = [[0] * others for _ in range(count * bits // 32)]
    for place in range(count):
        for other in range(others):
            for bit in range(bits):
                at = place * bits + bit
                words[at // 32][other] |= (int(codes[place, other]) >> bit & 1) << (at % 32)
    return np.array(words, np.uint32)


def gptq(*, bits: int = 4, group: int = 32, order: str = "", version: int = 1) -> Packing:
    """AutoGPTQ: ``order`` is "" without g_idx, "plain" with one, "mixed" for desc_act."""

    def pack(random: np.random.Generator, outputs: int, inputs: int) -> tuple[dict[str, Stored], Array]:
        groups = np.arange(inputs) // group
        if order == "mixed":
            random.shuffle(groups)
        codes = random.integers(0, 1 << bits, (inputs, outputs))
        zeros = random.integers(1, 1 << bits, (inputs // group, outputs))
        scales = random.uniform(0.001, 0.01, zeros.shape).astype(np.float16)
        tensors = {
            ".qweight": stored("I32", in_stream(codes, bits)),
            ".qzeros": stored("I32", in_stream((zeros - (version == 1)).T, bits).T),
            ".scales": stored("F16", scales),
        }
        if order:
            tensors[".g_idx"] = stored("I32", groups.astype(np.int32))
        numbers = np.empty((outputs, inputs), np.float32)
        for place in range(inputs):
            scale, zero = scales[groups[place]].astype(np.float32), zeros[groups[place]]
            numbers[:, place] = scale * (codes[place] - zero)
        return tensors, numbers.astype(np.float16).astype(np.float32)

    return pack


def awq(random: np.random.Generator, outputs: int, inputs: int) -> tuple[dict[str, Stored], Array]:
    """AutoAWQ: outputs 0, 2, 4, 6, 1, 3, 5, 7 from the lowest four bits of a word on."""

    def words(values: Array) -> Array:
        found = np.zeros((values.shape[0], outputs // 8), np.uint32)
        for output in range(outputs):
            nibble = (0, 2, 4, 6, 1, 3, 5, 7).index(output % 8)
            found[:, output // 8] |= values[:, output].astype(np.uint32) << np.uint32(4 * nibble)
        return found

    codes = random.integers(0, 16, (inputs, outputs))
    zeros = random.integers(0, 16, (inputs // 64, outputs))
    scales = random.uniform(0.001, 0.01, zeros.shape).astype(np.float16)
    tensors = {
        ".qweight": stored("I32", words(codes)),
        ".qzeros": stored("I32", words(zeros)),
        ".scales": stored("F16", scales),
    }
    numbers = (codes - zeros.repeat(64, 0)) * scales.repeat(64, 0).astype(np.float32)
    return tensors, numbers.T.astype(np.float16).astype(np.float32)


def compressed(*, bits: int = 4, group: int = 32, symmetric: bool = True, order: bool = False) -> Packing:
    """compressed-tensors, pack-quantized; ``group`` 0 has a scale for each output."""

    def pack(random: np.random.Generator, outputs: int, inputs: int) -> tuple[dict[str, Stored], Array]:
        half = 1 << (bits - 1)
        held = inputs // group if group else 1
        groups = np.arange(inputs) * held // inputs
        if order:
            random.shuffle(groups)
        codes = random.integers(-half, half, (outputs, inputs))
        zeros = np.zeros((outputs, held), int) if symmetric else random.integers(-half, half, (outputs, held))
        scales = as_bfloat16(random.uniform(0.001, 0.01, (outputs, held)))
        tensors = {
            ".weight_packed": stored("I32", in_stream((codes + half).T, bits).T),
            ".weight_scale": stored("BF16", (scales.view(np.uint32) >> 16).astype(np.uint16)),
            ".weight_shape": stored("I64", np.array([outputs, inputs])),
        }
        if not symmetric:
            tensors[".weight_zero_point"] = stored("I32", in_stream(zeros + half, bits))
        if order:
            tensors[".weight_g_idx"] = stored("I32", groups.astype(np.int32))
        return tensors, as_bfloat16(scales[:, groups] * (codes - zeros[:, groups]))

    return pack


def bytes_compressed(*, symmetric: bool, half: bool = False) -> Packing:
    """compressed-tensors, int-quantized: a byte each, and a scale for each output; ``half`` has them in bfloat16."""

    def pack(random: np.random.Generator, outputs: int, inputs: int) -> tuple[dict[str, Stored], Array]:
        codes = random.integers(-128, 128, (outputs, inputs), dtype=np.int8)
        zeros = random.integers(-20, 20, (outputs, 1), dtype=np.int8)
        scales = random.uniform(0.0001, 0.001, (outputs, 1)).astype(np.float32)
        tensors = {".weight": stored("I8", codes), ".weight_scale": stored("F32", scales)}
        if half:
            scales = as_bfloat16(scales)
            tensors[".weight_scale"] = stored("BF16", (scales.view(np.uint32) >> 16).astype(np.uint16))
        if symmetric:
            return tensors, as_bfloat16(codes * scales)
        tensors[".weight_zero_point"] = stored("I8", zeros)
        return tensors, as_bfloat16((codes.astype(np.float32) - zeros) * scales)

    return pack


NF4 = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip
FP4 = tuple(sign * value / 12 for sign in (1, -1) for value in (0, 0.0625, 8, 12, 4, 6, 2, 3))


def four_bits(kind: str, *, nested: bool = False) -> Packing:
    """bitsandbytes: 64 values share an absmax; nested, 256 of those share a factor."""

    def pack(random: np.random.Generator, outputs: int, inputs: int) -> tuple[dict[str, Stored], Array]:
        table = np.array(NF4 if kind == "nf4" else FP4, np.float32)
        codes = random.integers(0, 16, outputs * inputs, dtype=np.uint8)
        blocks = outputs * inputs // 64
        state: dict[str, Any] = {"quant_type": kind, "blocksize": 64, "dtype": "bfloat16", "shape": [outputs, inputs]}
        tensors = {".weight": stored("U8", (codes[0::2] << 4 | codes[1::2])[:, None])}
        if nested:
            points = np.linspace(-1, 1, 256, dtype=np.float32)
            inner = random.integers(0, 256, blocks, dtype=np.uint8)
            factors = random.uniform(0.01, 0.02, -(-blocks // 256)).astype(np.float32)
            absmax = np.array([points[inner[at]] * factors[at // 256] + np.float32(0.05) for at in range(blocks)])
            state |= {"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": float(np.float32(0.05))}
            tensors[".weight.absmax"] = stored("U8", inner)
            tensors[".weight.nested_absmax"] = stored("F32", factors)
            tensors[".weight.nested_quant_map"] = stored("F32", points)
        else:
            absmax = random.uniform(0.02, 0.1, blocks).astype(np.float32)
            tensors[".weight.absmax"] = stored("F32", absmax)
        text = np.frombuffer(json.dumps(state).encode(), np.uint8)
        tensors[f".weight.quant_state.bitsandbytes__{kind}"] = stored("U8", text)
        tensors[".weight.quant_map"] = stored("F32", table)
        numbers = np.array([table[code] * absmax[at // 64] for at, code in enumerate(codes)], np.float32)
        return tensors, as_bfloat16(numbers.reshape(outputs, inputs))

    return pack


def eight_bits(random: np.random.Generator, outputs: int, inputs: int) -> tuple[dict[str, Stored], Array]:
    """bitsandbytes, LLM.int8: 127 is the largest of a row."""
    codes = random.integers(-127, 128, (outputs, inputs), dtype=np.int8)
    largest = random.uniform(0.05, 0.2, outputs).astype(np.float32)
    tensors = {
        ".weight": stored("I8", codes),
        ".SCB": stored("F32", largest),
        ".weight_format": stored("U8", np.array(0, np.uint8)),
    }
    return tensors, as_bfloat16(codes * (largest / 127)[:, None])


def hqq(*, bits: int = 4, axis: int = 1) -> Packing:
    """HQQ: the first part of a weight is in the upper bits of its bytes, or of its words for 3 bits."""

    def pack(random: np.random.Generator, outputs: int, inputs: int) -> tuple[dict[str, Stored], Array]:
        group, total = 64, outputs * inputs
        shape = (total // group, group) if axis else (group, total // group)
        codes = random.integers(0, 1 << bits, shape)
        along = (shape[0], 1) if axis else (1, shape[1])
        scales = random.uniform(0.001, 0.01, along).astype(np.float16)
        zeros = random.uniform(1, 6, along).astype(np.float16)
        parts = {8: 1, 4: 2, 3: 10, 2: 4, 1: 8}[bits]
        rows = -(-shape[0] // parts)
        padded = np.zeros((rows * parts, shape[1]), np.int64)
        padded[: shape[0]] = codes
        packed = np.zeros((rows, shape[1]), np.int64)
        for part in range(parts):
            packed |= padded[part * rows : (part + 1) * rows] << (bits * (parts - 1 - part))
        kind, dtype = (np.int32, "I32") if bits == 3 else (np.uint8, "U8")
        said = {"shape": [outputs, inputs], "nbits": bits, "axis": axis, "group_size": group}
        tensors = {f".{name}": stored("I64", np.array(value)) for name, value in said.items()}
        tensors[".packing"] = stored("U8", np.frombuffer(f"{bits}bit".encode(), np.uint8))
        tensors |= {".W_q": stored(dtype, packed.astype(kind)), ".scale": stored("F16", scales)}
        tensors[".zero"] = stored("F16", zeros)
        numbers = (codes.astype(np.float32) - zeros.astype(np.float32)) * scales.astype(np.float32)
        return tensors, numbers.reshape(outputs, inputs).astype(np.float16).astype(np.float32)

    return pack


E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0)


def floats(form: str, *, modelopt: bool = False) -> Packing:
    """MXFP4 (a power of two for 32) and NVFP4 (an E4M3 for 16, times or by one number for all)."""

    def pack(random: np.random.Generator, outputs: int, inputs: int) -> tuple[dict[str, Stored], Array]:
        codes = random.integers(0, 16, (outputs, inputs), dtype=np.uint8)
        pairs = stored("U8", codes[:, 0::2] | codes[:, 1::2] << 4)
        numbers = np.array(E2M1, np.float32)[codes]
        if form == "mxfp4":
            powers = random.integers(116, 122, (outputs, inputs // 32), dtype=np.uint8)
            tensors = {".weight_packed": pairs, ".weight_scale": stored("U8", powers)}
            return tensors, as_bfloat16(numbers * 2.0 ** (powers.astype(np.float32) - 127).repeat(32, 1))
        exponent = random.integers(1, 15, (outputs, inputs // 16), dtype=np.uint8)
        steps = random.integers(0, 8, exponent.shape, dtype=np.uint8)
        size = ((1 + steps / 8) * 2.0 ** (exponent.astype(np.float32) - 7)).repeat(16, 1)
        scales, factor = stored("F8_E4M3", exponent << 3 | steps), np.float32(0.0005)
        if modelopt:
            tensors = {".weight": pairs, ".weight_scale": scales, ".weight_scale_2": stored("F32", np.array(factor))}
            tensors[".input_scale"] = stored("F32", np.array(factor))
        else:
            one = np.array([1 / factor], np.float32)
            tensors = {".weight_packed": pairs, ".weight_scale": scales, ".weight_global_scale": stored("F32", one)}
            factor = np.float32(1) / one[0]
        return tensors, as_bfloat16((numbers * size).astype(np.float32) * factor)

    return pack


def _of(method: str, **more: Any) -> dict[str, Any]:
    return {"quant_method": method, **more}


def _of_compressed(form: str, bits: int = 4, *, symmetric: bool = True) -> dict[str, Any]:
    weights = {"num_bits": bits, "symmetric": symmetric, "type": "int"}
    return _of("compressed-tensors", format=form, config_groups={"group_0": {"weights": weights}})


_HQQ = {"torch_dtype": "float16"}


def _of_hqq(bits: int, axis: int) -> dict[str, Any]:
    return _of("hqq", quant_config={"weight_quant_params": {"nbits": bits, "group_size": 64, "axis": axis}})


TOOLS = {
    "GPTQ": Tool(gptq(), _of("gptq", bits=4, group_size=32, desc_act=False)),
    "GPTQ with a group for each input": Tool(gptq(order="plain"), _of("gptq", bits=4, group_size=32)),
    "GPTQ in the order of importance": Tool(gptq(order="mixed"), _of("gptq", bits=4, group_size=32, desc_act=True)),
    "GPTQ's second format": Tool(gptq(version=2), _of("gptq", bits=4, group_size=32, checkpoint_format="gptq_v2")),
    "GPTQ of 8 bits": Tool(gptq(bits=8), _of("gptq", bits=8, group_size=32)),
    "GPTQ of 3 bits": Tool(gptq(bits=3), _of("gptq", bits=3, group_size=32)),
    "GPTQ of 2 bits": Tool(gptq(bits=2), _of("gptq", bits=2, group_size=32)),
    "auto-round": Tool(gptq(), _of("auto-round", packing_format="auto_round:auto_gptq", bits=4)),
    "AWQ": Tool(awq, _of("awq", bits=4, group_size=64, zero_point=True, version="gemm")),
    "integers in words": Tool(compressed(), _of_compressed("pack-quantized")),
    "integers in words with zeros": Tool(
        compressed(symmetric=False), _of_compressed("pack-quantized", symmetric=False)
    ),
    "integers in words, reordered": Tool(compressed(order=True), _of_compressed("pack-quantized")),
    "integers of 8 bits in words, by outputs": Tool(compressed(bits=8, group=0), _of_compressed("pack-quantized", 8)),
    "integers in bytes": Tool(bytes_compressed(symmetric=True), _of_compressed("int-quantized", 8)),
    "integers in bytes with zeros": Tool(bytes_compressed(symmetric=False), _of_compressed("int-quantized", 8)),
    "nf4": Tool(four_bits("nf4"), _of("bitsandbytes", load_in_4bit=True)),
    "nf4 with double quant": Tool(four_bits("nf4", nested=True), _of("bitsandbytes", load_in_4bit=True)),
    "fp4": Tool(four_bits("fp4"), _of("bitsandbytes", load_in_4bit=True)),
    "LLM.int8": Tool(eight_bits, _of("bitsandbytes", load_in_8bit=True)),
    "HQQ": Tool(hqq(), _of_hqq(4, 1), _HQQ),
    "HQQ along the other axis": Tool(hqq(axis=0), _of_hqq(4, 0), _HQQ),
    "HQQ of 8 bits": Tool(hqq(bits=8), _of_hqq(8, 1), _HQQ),
    "HQQ of 3 bits": Tool(hqq(bits=3), _of_hqq(3, 1), _HQQ),
    "HQQ of 2 bits": Tool(hqq(bits=2), _of_hqq(2, 1), _HQQ),
    "HQQ of 1 bit": Tool(hqq(bits=1, axis=0), _of_hqq(1, 0), _HQQ),
    "MXFP4": Tool(floats("mxfp4"), _of("compressed-tensors", format="mxfp4-pack-quantized")),
    "NVFP4": Tool(floats("nvfp4"), _of("compressed-tensors", format="nvfp4-pack-quantized")),
    "ModelOpt": Tool(floats("nvfp4", modelopt=True), _of("modelopt", quant_algo="NVFP4")),
}
