"""Checkpoints whose weights are files of torch: read in place by rows, and equal to the same as safetensors."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlx_convert_engine import strided
from mlx_convert_engine.source_files import SourceFiles
from mlx_convert_engine.strided import read_strided
from random_llama import write_llama
from samples.torch_files import as_torch

from mlx_convert_core import ConvertRequest, Finding, Workspace
from mlx_convert_core.plugin import Checkpoint, CorruptCheckpoint, TensorInfo, hookimpl

SYNTHETIC = Path(__file__).parents[2] / "benchmarks" / "synthetic.py"
PRESETS = ("4bit", "bf16")
Kind = dict[str, Any]
KINDS: dict[str, Kind] = {
    "one file": {},
    "shards": {"shards": 3},
    "columns first": {"turned": True},
    "old": {"old": True},
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("torch") / "llama", layers=2)


@pytest.fixture(scope="module")
def expected(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The weights of the same model from safetensors, by preset."""
    folder = tmp_path_factory.mktemp("expected")
    outputs = tuple(folder / preset for preset in PRESETS)
    with Workspace() as workspace:
        workspace.convert(ConvertRequest(ref=str(source), preset=PRESETS, output=outputs), inline=True).result()
    return {preset: (folder / preset / "model.safetensors").read_bytes() for preset in PRESETS}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_the_result_is_that_of_the_same_checkpoint_as_safetensors(
    source: Path, expected: dict[str, bytes], workspace: Workspace, tmp_path: Path, kind: Kind
) -> None:
    folder = as_torch(source, tmp_path / "torch", **kind)
    outputs = tuple(tmp_path / "out" / preset for preset in PRESETS)
    request = ConvertRequest(ref=str(folder), preset=PRESETS, output=outputs)
    plan = workspace.plan(request)
    assert [finding.code for finding in plan.findings] == ["from_torch"]
    workspace.convert(request, inline=True).result()
    for output in plan.outputs:
        written = (output.path / "model.safetensors").read_bytes()
        assert written == expected[output.preset]
        assert len(written) == output.weight_bytes
        assert not list(output.path.glob("*.bin*"))


def test_no_weight_is_read_for_a_plan(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    folder = as_torch(source, tmp_path / "torch")
    path = folder / "pytorch_model.bin"
    model = workspace.inspect(str(folder))
    with path.open("r+b") as file:
        for tensor in model.tensors:
            file.seek(tensor.start)
            file.write(b"\xff" * tensor.nbytes)  # no number at all
    plan = workspace.plan(ConvertRequest(ref=str(folder), output=tmp_path / "out"))
    assert plan.outputs[0].exact
    assert not plan.errors


def test_a_conversion_that_was_stopped_goes_on_where_it_was(
    source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    class Stops:
        @hookimpl
        def post_convert(self) -> list[Finding]:
            return [Finding(code="stop", level="error", message="not yet")]

    folder = as_torch(source, tmp_path / "torch", turned=True)
    request = ConvertRequest(ref=str(folder), preset="4bit", output=tmp_path / "out", resume=True)
    with Workspace(plugins=[Stops()]) as stopping, pytest.raises(Exception, match="not yet"):
        stopping.convert(request, inline=True).result()
    with Workspace() as workspace:
        workspace.convert(request, inline=True).result()
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == expected["4bit"]


def test_a_file_that_was_changed_meanwhile_is_noticed(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    folder, other = as_torch(source, tmp_path / "torch"), as_torch(source, tmp_path / "other", turned=True)
    tensors = workspace.inspect(str(folder)).tensors
    shutil.copy(other / "pytorch_model.bin", folder)
    files = SourceFiles(Checkpoint(folder), tensors, lambda: None)
    with pytest.raises(CorruptCheckpoint) as caught:
        files.read(tensors[0], 0, memoryview(bytearray(2)))
    assert caught.value.code == "source_changed"


def test_a_conversion_takes_no_more_memory_than_was_stated(workspace: Workspace, tmp_path: Path) -> None:
    plain = tmp_path / "llama"
    subprocess.run([sys.executable, SYNTHETIC, "llama-tiny", plain], check=True)
    folder = as_torch(plain, tmp_path / "torch", turned=True)
    request = ConvertRequest(ref=str(folder), preset="4bit", output=tmp_path / "out")
    stated = workspace.plan(request).peak_memory
    measured = workspace.convert(request).result().peak_memory
    assert measured <= stated <= 2.5 * measured


@pytest.mark.parametrize("at_once", [0, 64, 1 << 20])
@pytest.mark.parametrize(
    "turn",
    [
        lambda array: array.transpose(2, 0, 1),
        lambda array: array.transpose(1, 2, 0)[::2],
        lambda array: array[:, ::3, 1:],
        lambda array: np.broadcast_to(array[:1], array.shape),
    ],
)
def test_any_part_of_a_turned_tensor_is_read_in_order(
    turn: Callable[[Any], Any], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strided, "READ_AT_ONCE", at_once)
    stored = np.arange(6 * 5 * 7, dtype="<u2").reshape(6, 5, 7)
    view = turn(stored)
    data, whole = stored.tobytes(), np.ascontiguousarray(view).tobytes()
    first = view.__array_interface__["data"][0] - stored.__array_interface__["data"][0]
    tensor = TensorInfo(
        name="turned", dtype="U16", shape=view.shape, start=first, strides=tuple(stride // 2 for stride in view.strides)
    )

    def read(position: int, buffer: memoryview) -> None:
        found = data[position : position + buffer.nbytes]
        assert len(found) == buffer.nbytes
        buffer[:] = found

    for start in range(0, len(whole), 26):
        for length in (2, 34, len(whole) - start):
            into = memoryview(bytearray(min(length, len(whole) - start)))
            read_strided(tensor, start, into, read)
            assert bytes(into) == whole[start : start + len(into)]
