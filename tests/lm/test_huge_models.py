"""The largest models in 8-bit floats are planned from their headers alone, to the byte, and fit in little memory."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1]))

from samples.huge import DEEPSEEK_V3, SHAPES, Shape, write_headers

from mlx_convert_core import ConvertPlan, ConvertRequest, Quantization, Workspace
from mlx_convert_core.converting import places, planning

FOUR_BITS = Quantization(bits=4, group_size=64)


@pytest.fixture
def endless(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace on a disk that holds everything."""
    for module in (places, planning):
        monkeypatch.setattr(module, "free_disk", lambda path: 1 << 50)
    return workspace


def planned(workspace: Workspace, source: Path, *, exact: bool = True) -> ConvertPlan:
    return workspace.plan(ConvertRequest(ref=str(source), preset="4bit", output=source / "out"), exact=exact)


def expected_bytes(shape: Shape) -> int:
    """What the numbers of the result take: matrices in 4 bits, but for what chooses between experts; no draft heads."""
    drafts = tuple(f"model.layers.{shape.layers + number}." for number in range(shape.drafts))
    total = 0
    for name, size, _ in shape.tensors(plain=True):
        if name.startswith(drafts or "-"):
            continue
        if name.endswith("e_score_correction_bias"):
            total += 4 * size[0]
        elif len(size) == 1 or name.endswith(".gate.weight"):
            total += 2 * int(np.prod(size))
        else:
            total += FOUR_BITS.packed_bytes(size)
    return total


@pytest.mark.parametrize(
    "model_type", [pytest.param(name, marks=() if name == "deepseek_v3" else pytest.mark.slow) for name in SHAPES]
)
def test_a_huge_model_is_planned_to_the_byte(endless: Workspace, tmp_path: Path, model_type: str) -> None:
    shape = SHAPES[model_type]
    source = write_headers(tmp_path / model_type, shape)
    (rough,), plan = planned(endless, source, exact=False).outputs, planned(endless, source)
    (output,) = plan.outputs
    assert not plan.errors
    assert output.tensor_bytes == expected_bytes(shape)
    assert rough.tensor_bytes == output.tensor_bytes
    assert rough.weight_bytes == pytest.approx(output.weight_bytes, rel=1e-4)
    assert rough.parameters == output.parameters
    assert plan.peak_memory < 1_000_000_000
    assert {group.kind for group in output.left_out} == ({"draft"} if shape.drafts else set())


def small(experts: int) -> Shape:
    """A narrower DeepSeek-V3 of one layer of ``experts``, 0.8 MB each."""
    return replace(
        DEEPSEEK_V3, layers=2, dense=1, hidden=512, inner=1024, expert=512, experts=experts, heads=4, query_rank=256,
        rank=256, vocabulary=1024, drafts=0,
    )  # fmt: skip


def test_experts_pass_in_slices_however_many_there_are(workspace: Workspace, tmp_path: Path) -> None:
    few, many = (write_headers(tmp_path / f"{experts}-experts", small(experts)) for experts in (16, 160))
    stated = [planned(workspace, source).peak_memory for source in (few, many)]
    measured = workspace.convert(ConvertRequest(ref=str(many), preset="4bit", output=tmp_path / "out")).result()
    assert measured.peak_memory <= stated[1]
    assert stated[1] - stated[0] < 5_000_000  # names; the experts themselves are 113 MB more
