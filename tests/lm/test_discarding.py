"""Weight files that are deleted as soon as they are used: the result is the same, and few are there at once."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_engine.blueprint import Blueprint
from mlx_convert_engine.discard_order import bytes_at_once, waves
from mlx_convert_engine.pieces import Computed, Copied
from random_llama import write_llama

from mlx_convert_core import ConvertRequest, InvalidRequest, ModelInfo, PreflightFailed, Workspace
from mlx_convert_core.plugin import Checkpoint, Reporter, TensorInfo, hookimpl, inspect_folder

sys.path.append(str(Path(__file__).parents[1]))

from architectures.checkpoints import write_tiny

SHARDS = ("a", "b", "c", "d")


def weights_of(folder: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.safetensors")))).hexdigest()


@dataclass
class Fetched:
    """A source whose weight files come into ``cache`` one by one, and can be deleted there."""

    folder: Path
    cache: Path
    most: int = 0  # weight files that were there at once
    order: list[str] = field(default_factory=list)

    def inspect(self) -> ModelInfo:
        model = inspect_folder(self.folder, ref="fetched:model")
        size = sum(file.size for file in model.files)
        return replace(model, path=None, revision="1", fetch_bytes=size, fetch_folder=self.cache, fetch_window=1)

    def fetch(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        return self.stream(model, scratch, report, lambda path: None)

    def stream(self, model: ModelInfo, scratch: Path, report: Reporter, arrived: Callable[[Path], Any]) -> Path:
        self.cache.mkdir(exist_ok=True)
        for path in sorted(self.folder.iterdir(), key=lambda path: (path.suffix == ".safetensors", path.name)):
            shutil.copy(path, self.cache / path.name)
            self.most = max(self.most, len(self.weights))
            while path.suffix == ".safetensors" and arrived(self.cache / path.name) is False:
                report.check_cancelled()
        return self.cache

    def discard(self, model: ModelInfo, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.order.append(path.name)

    @property
    def weights(self) -> list[Path]:
        return sorted(self.cache.glob("*.safetensors"))


def converted(source: Path, folder: Path, preset: str | tuple[str, ...] = "4bit") -> tuple[Fetched, list[Path]]:
    """Convert with files discarded on the way; the source and the outputs."""
    fetched = Fetched(source, folder / "cache")

    class Plugin:
        @hookimpl
        def model_source(self, ref: str, revision: str | None) -> Fetched | None:
            return fetched if ref == "fetched:model" else None

    presets = (preset,) if isinstance(preset, str) else preset
    outputs = tuple(folder / f"discarded-{name}" for name in presets)
    with Workspace(home=folder / "home", plugins=[Plugin()]) as workspace:
        request = ConvertRequest(ref="fetched:model", preset=presets, output=outputs, discard_source=True)
        workspace.convert(request, inline=True).result()
    return fetched, list(outputs)


def expected(source: Path, folder: Path, preset: str = "4bit") -> Path:
    output = folder / f"whole-{preset}"
    with Workspace(home=folder / "home") as workspace:
        workspace.convert(ConvertRequest(ref=str(source), preset=preset, output=output), inline=True).result()
    return output


def test_weight_files_go_as_they_are_used_and_nothing_else_does(tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source", layers=6, shards=6)
    fetched, outputs = converted(source, tmp_path, ("4bit", "bf16"))
    assert fetched.weights == []
    assert fetched.most <= 3
    assert (fetched.cache / "tokenizer.json").exists()
    for preset, output in zip(("4bit", "bf16"), outputs, strict=True):
        whole = expected(source, tmp_path, preset)
        assert weights_of(output) == weights_of(whole)
        assert (output / "config.json").read_bytes() == (whole / "config.json").read_bytes()
        assert (output / "tokenizer.json").exists()
    assert len(list(source.glob("*.safetensors"))) == 6


# Experts stacked; tensors computed by the class (norms, convolutions); weights expanded from eight bits; packed ones.
@pytest.mark.parametrize("model_type", ["qwen3_moe", "qwen3_next", "deepseek_v3-fp8", "kimi_k3-mxfp4"])
def test_what_a_class_computes_waits_for_its_files(tmp_path: Path, model_type: str) -> None:
    source = write_tiny(tmp_path / "source", model_type)
    fetched, (output,) = converted(source, tmp_path)
    assert fetched.weights == []
    assert weights_of(output) == weights_of(expected(source, tmp_path))


def test_files_of_a_folder_are_never_deleted(tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    request = ConvertRequest(ref=str(source), discard_source=True, output=tmp_path / "model")
    with Workspace(home=tmp_path / "home") as workspace:
        plan = workspace.plan(request)
        assert [finding.code for finding in plan.errors] == ["discard_source"]
        with pytest.raises((PreflightFailed, InvalidRequest)) as caught:
            workspace.convert(request, inline=True).result()
    assert caught.value.code == "discard_source"
    assert (source / "model.safetensors").exists()


def test_a_plan_counts_what_is_on_the_disk_at_once(tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source", layers=8, shards=8)
    fetched = Fetched(source, tmp_path / "cache")

    class Plugin:
        @hookimpl
        def model_source(self, ref: str, revision: str | None) -> Fetched:
            return fetched

    with Workspace(home=tmp_path / "home", plugins=[Plugin()]) as workspace:
        request = ConvertRequest(ref="fetched:model", output=tmp_path / "model", discard_source=True)
        plan = workspace.plan(request, exact=False)
    sizes = sorted(path.stat().st_size for path in source.glob("*.safetensors"))
    assert plan.fetch_disk == sizes[-1]
    assert plan.fetch_bytes > sum(sizes)


# The order of work


def tensor(shard: str) -> TensorInfo:
    return TensorInfo(name=f"of {shard}", dtype="BF16", shape=(4,), shard=shard, start=0, end=8)


def copied(*shards: str) -> Copied:
    return Copied(name="".join(shards), sources=tuple(map(tensor, shards)))


def computed(name: str, *shards: str) -> Computed:
    return Computed(tensors=((name, None),), shards=frozenset(shards) if shards else None)


def test_a_file_is_done_after_the_last_wave_that_needs_it() -> None:
    layers: list[Any] = [[(copied("a"), None)], [(copied("a", "b"), None)], [(computed("x", "a", "c"), None)]]
    found = waves(layers, SHARDS)
    assert [(wave.shard, len(wave.rows), wave.computed, wave.done) for wave in found] == [
        ("a", 1, set(), ()),
        ("b", 1, set(), ("b",)),
        ("c", 0, {"x"}, ("a", "c")),
        ("d", 0, set(), ()),
    ]


def test_a_piece_of_unknown_origin_waits_for_every_file() -> None:
    found = waves([[(computed("x"), None)]], SHARDS)
    assert found[-1].computed == {"x"}
    assert found[-1].done == SHARDS


@pytest.mark.parametrize(
    ("pieces", "window", "most"),
    [
        ([copied("a"), copied("b"), copied("c"), copied("d")], 1, 10),
        ([copied("a"), copied("b"), copied("c"), copied("d")], 2, 20),
        ([copied("a"), copied("b"), computed("x", "a", "c"), copied("d")], 1, 20),
        ([computed("x")], 1, 40),
        ([copied("a")], 1, 10),
    ],
)
def test_bytes_at_once_counts_files_that_wait(pieces: list[Any], window: int, most: int) -> None:
    plan = Blueprint(pieces=[(piece,) for piece in pieces])
    assert bytes_at_once([plan], dict.fromkeys(SHARDS, 10), window) == most


# Room on the disk


def test_there_is_no_room_while_two_files_wait_unless_an_earlier_one_is_awaited() -> None:
    gone: list[str] = []
    checkpoint = Checkpoint(discard=lambda path: gone.append(path.name))
    assert checkpoint.arrived(Path("b"))
    assert not checkpoint.arrived(Path("c"))
    assert not checkpoint.arrived(Path("c"))
    checkpoint.release("b")
    assert checkpoint.arrived(Path("c"))
    checkpoint.release("a")
    checkpoint.arrived(Path("a"))
    checkpoint.arrived(Path("a"))
    assert gone == ["b", "a"]


def test_without_discarding_nothing_waits() -> None:
    checkpoint = Checkpoint()
    assert all(checkpoint.arrived(Path(name)) for name in SHARDS)
    checkpoint.release("a")
