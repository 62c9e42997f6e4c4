"""Conversion while the source is still arriving, changes, runs short, or was converted halfway before."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_engine.output_files import resumable_writer
from mlx_convert_engine.source_files import SourceFiles
from random_llama import write_llama

from mlx_convert_core import (
    ConvertRequest,
    MlxConvertError,
    ModelInfo,
    OutputPlan,
    Progress,
    StepFinished,
    StepStarted,
    Workspace,
)
from mlx_convert_core.plugin import CorruptCheckpoint, Reporter, TensorInfo, hookimpl, inspect_folder


def weights_of(folder: Path) -> str:
    """One digest of all weight bytes, which does not depend on the order of tensors."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.safetensors")))).hexdigest()


class Dripping:
    """A source that hands over one shard after the other, running ``between`` before each."""

    def __init__(self, folder: Path, scratch: Path, between: Callable[[int], None]) -> None:
        self.folder, self.between = folder, between

    def inspect(self) -> ModelInfo:
        model = inspect_folder(self.folder, ref="drip:model")
        return type(model)(
            ref=model.ref, name=model.name, config=model.config, files=model.files, tensors=model.tensors, revision="1"
        )

    def fetch(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        return self.stream(model, scratch, report, lambda path: None)

    def stream(self, model: ModelInfo, scratch: Path, report: Reporter, arrived: Callable[[Path], None]) -> Path:
        for path in sorted(self.folder.iterdir()):
            if path.suffix != ".safetensors":
                shutil.copy(path, scratch / path.name)
        for number, path in enumerate(sorted(self.folder.glob("*.safetensors"))):
            report.check_cancelled()
            self.between(number)
            shutil.copy(path, scratch / path.name)
            arrived(scratch / path.name)
        return scratch


def dripping(folder: Path, between: Callable[[int], None]) -> object:
    class Plugin:
        @hookimpl
        def model_source(self, ref: str, revision: str | None) -> Dripping | None:
            return Dripping(folder, folder, between) if ref == "drip:model" else None

    return Plugin()


def test_a_shard_is_converted_while_the_next_one_is_on_its_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlx_convert_engine.memory.SLICE_BYTES", 10_000)  # as small to this model as 4 MB to a real one
    source = write_llama(tmp_path / "source", layers=4, shards=4)
    before_the_last: list[str] = []

    def wait_for_the_first_layers(number: int) -> None:
        deadline = time.monotonic() + 30
        while number == 3 and len(before_the_last) < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
            for journal in tmp_path.glob(".streamed.partial-*/written"):
                before_the_last[:] = journal.read_text().splitlines()[1:]

    with Workspace(home=tmp_path / "home", plugins=[dripping(source, wait_for_the_first_layers)]) as workspace:
        request = ConvertRequest(ref="drip:model", preset="4bit", output=tmp_path / "streamed")
        workspace.convert(request, inline=True).result()
    assert len(before_the_last) >= 10
    with Workspace(home=tmp_path / "home") as workspace:
        workspace.convert(ConvertRequest(ref=str(source), preset="4bit", output=tmp_path / "whole")).result()
    assert weights_of(tmp_path / "streamed") == weights_of(tmp_path / "whole")
    assert (tmp_path / "streamed" / "tokenizer.json").read_bytes() == (source / "tokenizer.json").read_bytes()


def test_fetching_and_quantizing_overlap(tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source", layers=4, shards=4)
    with Workspace(home=tmp_path / "home", plugins=[dripping(source, lambda number: time.sleep(0.05))]) as workspace:
        job = workspace.convert(ConvertRequest(ref="drip:model", output=tmp_path / "model"), inline=True)
        job.result()
    news = [
        (type(event).__name__, event.step) for event in job.events() if isinstance(event, StepStarted | StepFinished)
    ]
    assert news.index(("StepStarted", "quantize")) < news.index(("StepFinished", "fetch"))


def test_a_source_that_fails_on_the_way_fails_the_job_and_leaves_nothing(tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source", layers=4, shards=4)

    def fail(number: int) -> None:
        if number == 2:
            raise CorruptCheckpoint("the third shard is broken.", hint="Try again.", code="size_mismatch")

    with Workspace(home=tmp_path / "home", plugins=[dripping(source, fail)]) as workspace:
        job = workspace.convert(ConvertRequest(ref="drip:model", output=tmp_path / "out" / "model"), inline=True)
        with pytest.raises(CorruptCheckpoint, match="third shard"):
            job.result()
    assert not (tmp_path / "out").exists()


def touch(path: Path) -> None:
    os.utime(path, (1, 1))


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(bytes(1000))


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def exchange(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [touch, overwrite, cut_in_half, exchange, remove])
@pytest.mark.parametrize("moment", [0, 5, -1])
def test_a_source_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], moment: int
) -> None:
    source = write_llama(tmp_path / "source")
    read = SourceFiles.read
    moments = iter(range(1 << 30))
    last = len(inspect_folder(source).tensors) - 1

    def meddled(self: SourceFiles, *arguments: Any) -> None:
        """Read, as another program changes the file behind the n-th reading."""
        read(self, *arguments)
        if next(moments) == (moment if moment >= 0 else last):
            change(source / "model.safetensors")

    monkeypatch.setattr(SourceFiles, "read", meddled)
    with Workspace(home=tmp_path / "home") as workspace:
        request = ConvertRequest(ref=str(source), output=tmp_path / "out" / "model")
        with pytest.raises(CorruptCheckpoint) as caught:
            workspace.convert(request, inline=True).result()
    assert caught.value.code == "source_changed"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cut", [1, 1000, 100_000])
def test_a_source_cut_short_after_planning_is_refused(tmp_path: Path, cut: int) -> None:
    source = write_llama(tmp_path / "source")

    class Cutter:
        @hookimpl
        def quantize_strategy(self, name: str, model: object, quantization: object) -> object:
            """Asked once more when the conversion begins: by then the plan is made."""
            calls.append(name)
            if name == "cut" and len(calls) == 3:
                path = source / "model.safetensors"
                os.truncate(path, path.stat().st_size - cut)
            return (lambda layer: quantization) if name == "cut" else None

    calls: list[str] = []
    with Workspace(home=tmp_path / "home", plugins=[Cutter()]) as workspace:
        request = ConvertRequest(ref=str(source), bits=4, strategy="cut", output=tmp_path / "out" / "model")
        job = workspace.convert(request, inline=True)
        with pytest.raises(CorruptCheckpoint):
            job.result()
    assert len(calls) == 3
    assert not (tmp_path / "out").exists()


# Kills its own process when all weights are written, if there is a file that says so.
KILLER = """
import os, signal
from pathlib import Path
from mlx_convert_core.plugin import hookimpl

@hookimpl
def post_convert(plan, staging):
    marker = Path(__file__).with_name("die")
    if marker.exists():
        marker.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_resume_takes_up_what_a_killed_worker_left(tmp_path: Path, dying: Workspace) -> None:
    source = write_llama(tmp_path / "source")
    output = tmp_path / "out" / "model"
    with pytest.raises(MlxConvertError) as caught:
        dying.convert(ConvertRequest(ref=str(source), preset="8bit", output=output)).result()
    assert caught.value.code == "killed"
    assert [path.name for path in output.parent.iterdir() if not path.name.startswith(".")] == []
    spoil_one_tensor(output.parent)

    resumed = dying.convert(ConvertRequest(ref=str(source), preset="8bit", output=output, resume=True))
    resumed.result()
    first = next(event for event in resumed.events() if isinstance(event, Progress) and event.step == "write")
    assert first.total // 2 < first.done <= first.total
    dying.convert(ConvertRequest(ref=str(source), preset="8bit", output=tmp_path / "out" / "again")).result()
    assert weights_of(output) == weights_of(tmp_path / "out" / "again")
    assert sorted(path.name for path in output.parent.iterdir()) == ["again", "model"]


def test_resume_does_not_trust_what_was_made_with_other_numbers(tmp_path: Path, dying: Workspace) -> None:
    source = write_llama(tmp_path / "source")
    output = tmp_path / "out" / "model"
    with pytest.raises(MlxConvertError):
        dying.convert(ConvertRequest(ref=str(source), preset="8bit", output=output)).result()
    dying.convert(ConvertRequest(ref=str(source), preset="4bit", output=output, resume=True)).result()
    dying.convert(ConvertRequest(ref=str(source), preset="4bit", output=tmp_path / "out" / "again")).result()
    assert weights_of(output) == weights_of(tmp_path / "out" / "again")


def test_without_resume_a_dead_jobs_folder_is_cleared(tmp_path: Path, dying: Workspace) -> None:
    source = write_llama(tmp_path / "source")
    output = tmp_path / "out" / "model"
    with pytest.raises(MlxConvertError):
        dying.convert(ConvertRequest(ref=str(source), preset="8bit", output=output)).result()
    dying.convert(ConvertRequest(ref=str(source), preset="8bit", output=output)).result()
    assert [path.name for path in output.parent.iterdir()] == ["model"]


def spoil_one_tensor(folder: Path) -> None:
    """Flip a byte of what was left behind, as a disk that lost its last writes might."""
    left = next(folder.glob(".*/output/model.safetensors"))
    with left.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))


@pytest.mark.parametrize("change", ["config", "file"])
def test_resume_does_not_trust_what_was_made_from_another_source(tmp_path: Path, change: str) -> None:
    """A GGUF file has no revision, and two of them may make tensors of the same names and shapes."""
    one = ModelInfo(ref="one", name="model", path=tmp_path / "one.gguf", config={"model_type": "llama"})
    (tmp_path / "one.gguf").write_bytes(b"GGUF")
    (tmp_path / "two.gguf").write_bytes(b"GGUF")
    other = replace(one, path=tmp_path / "two.gguf") if change == "file" else replace(one, config={"model_type": "x"})
    tensor = TensorInfo(name="norm.weight", dtype="BF16", shape=(2,), shard="model.safetensors")
    plan = OutputPlan(preset="bf16", path=tmp_path / "model", quantization=None, tensors=(tensor,))
    folder = tmp_path / "staging" / "output"
    folder.mkdir(parents=True)
    for model, had in ((one, False), (one, True), (other, False)):
        with resumable_writer(folder, model, plan) as writer:
            assert writer.has(tensor.name) == had
            writer.write(tensor.name, bytes(4))
