"""A source is described from config.json, file names and headers; whatever is wrong with it has a name."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.unprivileged import as_nobody
from mlx_convert_core import SourceError
from mlx_convert_core.model.safetensors_layout import layout
from mlx_convert_core.plugin import CorruptCheckpoint, RepoNotFound, TensorInfo, inspect_folder, read_config

INDEX = "model.safetensors.index.json"


def write_weights(path: Path, *names: str) -> None:
    plan = layout([TensorInfo(name=name, dtype="BF16", shape=(2, 4)) for name in names])
    path.write_bytes(plan.header.ljust(plan.file_bytes, b"\1"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two shards, an index and a config."""
    folder = tmp_path / "Model-1B"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    write_weights(folder / "model-00001-of-00002.safetensors", "a", "b")
    write_weights(folder / "model-00002-of-00002.safetensors", "c")
    names = {"a": 1, "b": 1, "c": 2}
    weight_map = {name: f"model-{shard:05d}-of-00002.safetensors" for name, shard in names.items()}
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def refusal(folder: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        inspect_folder(folder)
    assert caught.value.hint
    return caught.value


def test_a_checkpoint_is_described_without_reading_a_weight(folder: Path) -> None:
    model = inspect_folder(folder)
    assert model.name == "Model-1B"
    assert model.model_type == "llama"
    assert model.dtype == "bfloat16"
    assert model.parameters == 24
    assert model.weight_bytes == 48
    assert [(tensor.name, tensor.shard[:11]) for tensor in model.tensors] == [
        ("a", "model-00001"),
        ("b", "model-00001"),
        ("c", "model-00002"),
    ]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    error = refusal(tmp_path / "nowhere")
    assert isinstance(error, RepoNotFound)
    assert error.code == "no_folder"
    assert "nowhere" in error.message


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert refusal(tmp_path / "notes.txt").code == "no_folder"


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    assert refusal(tmp_path).code == "empty_folder"


@pytest.mark.parametrize("text", ["<html>not found</html>", "", "[1, 2]", '"llama"', "[" * 100_000, "\udcff"])
def test_a_config_that_is_no_object(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, errors="surrogateescape")
    error = refusal(folder)
    assert error.code == "bad_json"
    assert "config.json" in error.message


def test_infinity_in_a_config_is_kept_as_transformers_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"limits": [0.0, Infinity], "low": -Infinity, "none": NaN}')
    assert read_config(path) == {
        "limits": [0.0, {"__float__": "Infinity"}],
        "low": {"__float__": "-Infinity"},
        "none": {"__float__": "NaN"},
    }


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / "model-00002-of-00002.safetensors").unlink()
    error = refusal(folder)
    assert error.code == "missing_shard"
    assert "model-00002-of-00002.safetensors" in error.message
    assert "1 of 2" in error.message


def test_a_tensor_of_the_index_that_no_file_holds_is_told(folder: Path) -> None:
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"]["model.layers.0.self_attn.q_proj.bias"] = "model-00001-of-00002.safetensors"
    (folder / INDEX).write_text(json.dumps(index))
    (told,) = inspect_folder(folder).findings
    assert (told.code, told.level) == ("stale_index", "warning")
    assert "1 tensor that no file holds (model.layers.0.self_attn.q_proj.bias" in told.message


def test_an_index_of_other_files_is_told_when_every_tensor_is_there(folder: Path) -> None:
    names = [tensor.name for tensor in inspect_folder(folder).tensors]
    (folder / INDEX).write_text(json.dumps({"weight_map": dict.fromkeys(names, "model-00004-of-00009.safetensors")}))
    model = inspect_folder(folder)
    assert len(model.tensors) == 3
    (told,) = model.findings
    assert (told.code, told.level) == ("stale_index", "warning")
    assert "model-00004-of-00009.safetensors" in told.message
    (folder / INDEX).write_text(json.dumps({"weight_map": dict.fromkeys([*names, "one.more"], "gone.safetensors")}))
    assert refusal(folder).code == "missing_shard"


def test_a_shard_that_is_a_broken_link_is_named(folder: Path) -> None:
    shard = folder / "model-00002-of-00002.safetensors"
    shard.unlink()
    shard.symlink_to(folder / "blobs" / "gone")
    error = refusal(folder)
    assert error.code == "broken_link"
    assert str(shard) in error.message


@pytest.mark.parametrize("weight_map", [{"a": ["x"]}, {"a": 1}, {"a": None}])
def test_an_index_that_names_no_files_is_refused_by_name(folder: Path, weight_map: object) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    assert refusal(folder).code == "missing_shard"


@pytest.mark.parametrize("weight_map", [None, [], "all"])
def test_an_index_without_a_map_does_not_matter(folder: Path, weight_map: object) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    assert len(inspect_folder(folder).tensors) == 3


def test_weights_under_another_name_are_read_and_not_called_missing(folder: Path) -> None:
    for path in folder.glob("model-*.safetensors"):
        path.unlink()
    write_weights(folder / "weights.safetensors", "a")
    (folder / INDEX).write_text(json.dumps({"weight_map": {"a": "weights.safetensors"}}))
    assert inspect_folder(folder).shards == ("weights.safetensors",)


def test_a_tensor_in_two_shards(folder: Path) -> None:
    write_weights(folder / "model-00002-of-00002.safetensors", "c", "a")
    error = refusal(folder)
    assert error.code == "mixed_shards"
    for named in ("a", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        assert named in error.message


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda path: path.write_bytes(b""), "empty_file"),
        (lambda path: path.write_bytes(b"garbage" * 20), "corrupt_header"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "lfs_pointer"),
        (lambda path: os.truncate(path, path.stat().st_size - 1), "truncated"),
    ],
    ids=["empty", "garbage", "lfs pointer", "cut short"],
)
def test_a_spoilt_shard_is_named(folder: Path, spoil: object, code: str) -> None:
    path = folder / "model-00001-of-00002.safetensors"
    spoil(path)  # type: ignore[operator]
    error = refusal(folder)
    assert isinstance(error, CorruptCheckpoint)
    assert error.code == code
    assert path.name in error.message


@pytest.mark.parametrize("name", ["config.json", INDEX])
def test_a_folder_in_place_of_a_file_is_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()
    assert refusal(folder).code == "special_file"


@pytest.fixture
def public(folder: Path) -> Iterator[Path]:
    """The folder where an ordinary user can get at it."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        yield shutil.copytree(folder, Path(place) / "model")


@pytest.mark.parametrize("name", [".", "config.json", "model-00001-of-00002.safetensors"])
def test_what_the_system_guards_is_unreadable(public: Path, name: str) -> None:
    (public / name).chmod(0)
    with as_nobody():
        error = refusal(public)
    (public / name).chmod(0o755)
    assert error.code == "unreadable"
    assert "Permission denied" in error.message
