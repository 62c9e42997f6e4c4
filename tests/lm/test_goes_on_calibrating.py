"""A calibration that was killed goes on at the block where it was, and gives the same bits."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlx_convert_engine.calibrating import inputs_of
from mlx_convert_engine.forward.standing import Standing
from mlx_convert_engine.kept_inputs import KeptInputs
from mlx_convert_lm.converter import LmClasses
from samples.tiny import write_tiny_llama

from mlx_convert_core import Cancelled, ConvertRequest, MlxConvertError, Workspace
from mlx_convert_core.plugin import Progress, StepStarted, inspect_folder

BLOCKS = 6
SEQUENCES = [list(range(3, 50)), list(range(60, 90))]
# Kills its own process once the third block's statistics are on the disk, if there is a file that says so.
KILLER = """
import os, signal
from pathlib import Path
from mlx_convert_core.plugin import hookimpl

@hookimpl
def quantize_method(name, model):
    from mlx_convert_engine.kept_inputs import KeptInputs

    marker, block = Path(__file__).with_name("die"), KeptInputs.block

    def dies(self, number, *rest):
        block(self, number, *rest)
        if number == 2 and marker.exists():
            marker.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    KeptInputs.block = dies
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("deep") / "deep", layers=BLOCKS)


@pytest.mark.parametrize("method", ["tuned", pytest.param("compensated", marks=pytest.mark.slow)])
def test_a_killed_calibration_goes_on_at_its_block(source: Path, tmp_path: Path, dying: Workspace, method: str) -> None:
    asked = partial(ConvertRequest, ref=str(source), bits=4, group_size=32, method=method, verify=False)
    with pytest.raises(MlxConvertError) as caught:
        dying.convert(asked(output=tmp_path / "out" / "model")).result()
    assert caught.value.code == "killed"
    job = dying.convert(asked(output=tmp_path / "out" / "model", resume=True))
    job.result()
    first = next(event for event in job.events() if isinstance(event, Progress) and event.step == "calibrate")
    assert first.done > first.total // 2 - 1
    dying.convert(asked(output=tmp_path / "out" / "again")).result()
    weights = [(tmp_path / "out" / name / "model.safetensors").read_bytes() for name in ("model", "again")]
    assert weights[0] == weights[1]


class Silent:
    def progress(self, *arguments: Any, **options: Any) -> None: ...
    def check_cancelled(self) -> None: ...


class Stops(Silent):
    """Is cancelled at the ``calls``-th look."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def check_cancelled(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Cancelled("stopped")


def learned(source: Path, keep: Path, report: Any, made_from: str = "this") -> dict[str, Any]:
    load = partial(LmClasses(trust_remote_code=False).load, source, inspect_folder(source, ref="deep"))
    return inputs_of(load, SEQUENCES, KeptInputs(keep), made_from, report, matrices=False)


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what is learned in one go."""
    return learned(source, tmp_path_factory.mktemp("whole"), Silent())


@pytest.mark.parametrize("looks", [7, *(pytest.param(looks, marks=pytest.mark.slow) for looks in (5, 9, 12))])
def test_wherever_it_stopped_it_learns_the_same(
    source: Path, whole: dict[str, Any], tmp_path: Path, looks: int
) -> None:
    with pytest.raises(Cancelled):
        learned(source, tmp_path / "kept", Stops(looks))
    again = learned(source, tmp_path / "kept", Silent())
    assert again.keys() == whole.keys()
    assert all(np.array_equal(np.array(again[path].moments), np.array(whole[path].moments)) for path in whole)


def test_what_is_of_another_text_is_not_gone_on_from(source: Path, whole: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        learned(source, tmp_path / "kept", Stops(9))
    assert KeptInputs(tmp_path / "kept").begun("this")[1] == 4
    assert KeptInputs(tmp_path / "kept").begun("that") == ({}, 0, [])
    (tmp_path / "kept" / "inputs-00001.safetensors").write_bytes(b"no longer")
    again = learned(source, tmp_path / "kept", Silent())
    assert all(np.array_equal(np.array(again[path].moments), np.array(whole[path].moments)) for path in whole)


def test_a_class_that_looks_back_at_earlier_blocks_begins_anew(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It adds what its first block has answered to the last one's, which was not kept."""
    from mlx_lm.models.llama import LlamaModel

    own = LlamaModel.__call__

    def looking_back(self: Any, inputs: Any, cache: Any = None, input_embeddings: Any = None) -> Any:
        h = first = None
        for number, block in enumerate(self.layers):
            h = block(self.embed_tokens(inputs) if h is None else h, "causal", None)
            first = h if number == 0 else first
        return self.norm(h + first)

    assert own is not looking_back
    monkeypatch.setattr(LlamaModel, "__call__", looking_back)
    whole = learned(source, tmp_path / "whole", Silent())
    with pytest.raises(Cancelled):
        learned(source, tmp_path / "kept", Stops(9))
    assert KeptInputs(tmp_path / "kept").begun("this")[1] == 4
    again = learned(source, tmp_path / "kept", Silent())
    assert all(np.array_equal(np.array(again[path].moments), np.array(whole[path].moments)) for path in whole)


def test_a_calibration_is_cancelled_at_a_block(source: Path, tmp_path: Path, workspace: Workspace) -> None:
    request = ConvertRequest(ref=str(source), bits=4, group_size=32, method="tuned", output=tmp_path / "out" / "model")
    job = workspace.convert(request)
    for event in job.events():
        if isinstance(event, StepStarted) and event.step == "calibrate":
            job.cancel()
            began = time.monotonic()
    with pytest.raises(Cancelled):
        job.result()
    assert time.monotonic() - began < 60  # a bound against hanging: what is promised is three seconds
    assert not (tmp_path / "out").exists()


def test_blocks_that_do_not_follow_each_other_are_not_gone_on_from() -> None:
    import mlx.core as mx
    from mlx_convert_engine.forward.lockstep import BlockCall

    standing, block = Standing(), object()
    standing.passed(0, BlockCall(block, lambda *_: None, (mx.zeros(2),), {}), mx.ones(2))
    standing.passed(0, BlockCall(object(), lambda *_: None, (mx.zeros(2),), {}), mx.ones(2))
    standing.all_passed([])
    assert standing.answered == []
