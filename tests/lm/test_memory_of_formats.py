"""Whatever a source's numbers are stored as, a conversion of it takes no more memory than its plan says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packings import TOOLS, Packing, stored
from random_llama import write_llama
from stored import Stored, store, tensors_of

from mlx_convert_core import ConvertRequest, Workspace

ROWS = 32  # that are packed value by value; the others repeat them
SAMPLE = ("GPTQ in the order of importance", "AWQ", "HQQ", "NVFP4")
Made = tuple[dict[str, Stored], Mapping[str, Any]]
"""Tensors and what config.json says of them."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a llama of 95 MB, many times what is in flight at once, each matrix several slices."""
    return write_llama(tmp_path_factory.mktemp("formats") / "llama", layers=1, hidden=2048, inner=5632)


@pytest.mark.parametrize(
    ("tool", "dequantize"),
    [
        ("AWQ", False),
        *(pytest.param(name, True, marks=() if name in SAMPLE else pytest.mark.slow) for name in TOOLS),
    ],
)
def test_packed_numbers_take_no_more_than_was_stated(
    plain: Path, workspace: Workspace, tmp_path: Path, tool: str, dequantize: bool
) -> None:
    packed = {
        (rows, width): wide(TOOLS[tool].pack, rows, width)
        for rows, width in {tensor.shape for name, tensor in tensors_of(plain).items() if is_layer(name)}
    }
    config = {"quantization_config": dict(TOOLS[tool].quantization), **TOOLS[tool].config}
    source = rewritten(plain, tmp_path / "source", lambda _, tensor: packed[tensor.shape], config)
    assert_stays_within_its_plan(workspace, source, tmp_path / "out", dequantize=dequantize)


@pytest.mark.parametrize("block", [(128, 128), (1, 0), (0, 0)], ids=["blocks", "rows", "the whole"])
@pytest.mark.parametrize("presets", [("4bit",), ("4bit", "bf16")], ids=["4bit", "both"])
def test_8_bit_floats_take_no_more_than_was_stated(
    plain: Path, workspace: Workspace, tmp_path: Path, block: tuple[int, int], presets: tuple[str, ...]
) -> None:
    def eight(_: str, tensor: Stored) -> dict[str, Stored]:
        rows, width = tensor.shape
        codes = np.random.default_rng(3).integers(0, 0x70, tensor.shape, np.uint8)
        shape = (-(-rows // block[0]), -(-width // block[1]) if block[1] else 1) if block[0] else ()
        scales = np.full(shape, 0.01, np.float32)
        end = ".weight_scale_inv" if block[1] else ".weight_scale"
        return {".weight": stored("F8_E4M3", codes), end: stored("F32", scales)}

    source = rewritten(plain, tmp_path / "source", eight, {"quantization_config": {"quant_method": "fp8"}})
    assert_stays_within_its_plan(workspace, source, tmp_path / "out", *presets)


@pytest.mark.parametrize("preset", ["3bit", "bf16"])
def test_numbers_that_mlx_has_packed_take_no_more_than_was_stated(
    plain: Path, workspace: Workspace, tmp_path: Path, preset: str
) -> None:
    first = tmp_path / "8bit"
    workspace.convert(ConvertRequest(ref=str(plain), preset="8bit", output=first, verify=False)).result()
    assert_stays_within_its_plan(workspace, first, tmp_path / "out", preset, dequantize=True)


def assert_stays_within_its_plan(
    workspace: Workspace, source: Path, output: Path, *presets: str, **options: Any
) -> None:
    presets = presets or ("4bit",)
    outputs = tuple(output.with_name(f"{output.name}-{preset}") for preset in presets)
    request = ConvertRequest(ref=str(source), preset=presets, output=outputs, verify=False, **options)
    stated = workspace.plan(request).peak_memory
    measured = workspace.convert(request).result().peak_memory
    assert measured <= stated <= 2.5 * measured


def is_layer(name: str) -> bool:
    return name.endswith("_proj.weight")


def rewritten(plain: Path, folder: Path, pack: Any, config: Mapping[str, Any]) -> Path:
    """Copy ``plain`` with ``pack(name, tensor)`` in place of each layer: tensors by what follows the layer's name."""
    shutil.copytree(plain, folder, ignore=shutil.ignore_patterns("*.safetensors*"))
    tensors = dict[str, Stored]()
    for name, tensor in tensors_of(plain).items():
        made = pack(name, tensor) if is_layer(name) else {"": tensor}
        tensors |= {(name if not end else name.removesuffix(".weight") + end): part for end, part in made.items()}
    return store(folder, tensors, **config)


def wide(pack: Packing, rows: int, width: int) -> dict[str, Stored]:
    """A packed layer whose first rows are repeated: along the axis that is longer for more of them."""
    few, more = (pack(np.random.default_rng(17), count, width)[0] for count in (ROWS, 2 * ROWS))
    made = {}
    for end, part in few.items():
        if end in (".shape", ".weight_shape"):
            made[end] = stored("I64", np.array([rows, width]))
        elif ".quant_state." in end:
            state = json.loads(part.data) | {"shape": [rows, width]}
            made[end] = stored("U8", np.frombuffer(json.dumps(state).encode(), np.uint8))
        else:
            axis = next((at for at, size in enumerate(part.shape) if more[end].shape[at] != size), None)
            made[end] = part if axis is None else repeated(part, axis, rows // ROWS)
    return made


def repeated(part: Stored, axis: int, times: int) -> Stored:
    size = len(part.data) // max(1, int(np.prod(part.shape)))
    values = np.frombuffer(part.data, f"V{size}").reshape(part.shape)
    return stored(part.dtype, np.concatenate([values] * times, axis=axis))
