"""Recipes: requests as files that mean the same on every machine and give nothing away."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mlx_convert_core import ConvertRequest, EntryNotFound, InvalidRequest, Recipe, Workspace, load_recipe
from mlx_convert_core.plugin import read_recipe, recipe_of, write_recipe

EXAMPLE = Path(__file__).parents[2] / "examples" / "recipe.json"
affine = some.fixed_dictionaries(
    {},
    optional={
        "bits": some.sampled_from([2, 3, 4, 5, 6, 8]),
        "group_size": some.sampled_from([32, 64, 128]),
        "dtype": some.sampled_from(["bfloat16", "float16", "float32"]),
        "strategy": some.sampled_from(["mixed_4_6", "keep_head"]),
        "revision": some.sampled_from(["main", "a" * 40]),
    },
)


@given(affine, some.lists(some.sampled_from(["", "4bit", "8bit", "ios"]), min_size=1, unique=True))
def test_what_is_written_is_read_again(numbers: dict[str, Any], presets: list[str]) -> None:
    request = ConvertRequest(ref="org/name", preset=tuple(presets), **numbers)
    data = json.loads(json.dumps(Recipe.of(request, str).data()))
    assert _recipe(data).request() == request


def test_a_recipe_file_of_one_preset(tmp_path: Path) -> None:
    write_recipe(tmp_path / "r.json", ConvertRequest(ref="org/name", preset="8bit", mode="affine", force=True), str)
    assert json.loads((tmp_path / "r.json").read_text()) == {
        "schema": 1,
        "mlx_convert": "recipe",
        "ref": "org/name",
        "outputs": [{"preset": "8bit", "mode": "affine"}],
    }
    assert read_recipe(tmp_path / "r.json") == ConvertRequest(ref="org/name", preset=("8bit",), mode="affine")


def test_a_text_of_ones_own_is_in_a_recipe_by_its_hash_alone(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("A small model answers badly.")
    request = ConvertRequest(ref="org/name", preset="4bit", method="tuned", calibration=str(own))
    write_recipe(tmp_path / "r.json", request, str)
    written = json.loads((tmp_path / "r.json").read_text())
    assert written["calibration_sha256"] == hashlib.sha256(own.read_bytes()).hexdigest()
    assert str(own) not in (tmp_path / "r.json").read_text()
    assert read_recipe(tmp_path / "r.json").calibration_sha256 == written["calibration_sha256"]
    (tmp_path / "r.json").write_text(json.dumps({**written, "calibration_sha256": "no hash"}))
    with pytest.raises(InvalidRequest, match="calibration_sha256"):
        read_recipe(tmp_path / "r.json")


def test_nothing_of_this_machine_is_in_a_recipe(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "org" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    here = ["org/name", str(tmp_path), "~/models/x", "./x", "../x/y", "file:///home/me/x", "a.gguf", "s3:/home/me"]
    for ref in here:
        request = ConvertRequest(ref=ref, output=str(tmp_path / "out"), trust_remote_code=True, resume=True)
        write_recipe("r.json", request, workspace.sources.shareable)
        written = json.loads(Path("r.json").read_text())
        assert written == {"schema": 1, "mlx_convert": "recipe", "outputs": [{}]}, ref


@pytest.mark.parametrize(
    ("ref", "shared"),
    [
        ("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-0.5B"),
        ("org/name@v1.0", ""),  # no source takes it
        ("hf://org/name@main", "hf://org/name@main"),
        ("https://me:secret@huggingface.co/org/name?token=secret#x", "https://huggingface.co/org/name"),
        ("s3://bucket/name", "s3://bucket/name"),
        ("name", ""),
    ],
)
def test_a_ref_is_shared_without_users_and_secrets(workspace: Workspace, ref: str, shared: str) -> None:
    assert workspace.sources.shareable(ref) == shared


def test_another_model_does_not_take_the_revision_along() -> None:
    recipe = Recipe(ref="org/name", revision="a" * 40)
    assert recipe.request().revision == "a" * 40
    assert recipe.request("org/name").revision == "a" * 40
    assert recipe.request("org/other").revision is None


def test_outputs_that_differ_in_more_than_the_preset_are_refused() -> None:
    recipe = _recipe({"ref": "a/b", "outputs": [{"preset": "4bit"}, {"preset": "8bit", "dtype": "float16"}]})
    with pytest.raises(InvalidRequest, match="differ in more than the preset"):
        recipe.request()


def test_a_recipe_without_a_model_needs_one() -> None:
    with pytest.raises(InvalidRequest, match="names no model") as caught:
        _recipe({}).request()
    assert caught.value.code == "recipe"
    assert _recipe({}).request("org/name").ref == "org/name"


def test_a_recipe_carries_that_packed_layers_are_read_as_plain_numbers(workspace: Workspace) -> None:
    request = ConvertRequest(ref="org/name", preset=("4bit",), dequantize=True)
    assert Recipe.of(request, workspace.sources.shareable).data()["dequantize"] is True
    assert Recipe.of(request, workspace.sources.shareable).request() == request


def test_a_recipe_carries_that_text_only_is_enough(workspace: Workspace) -> None:
    shareable = workspace.sources.shareable
    request = ConvertRequest(ref="org/name", preset=("4bit",), text_only=True)
    assert _recipe(Recipe.of(request, shareable).data()).request() == request
    assert "text_only" not in Recipe.of(ConvertRequest(ref="org/name"), shareable).data()


def test_the_example_is_a_recipe(workspace: Workspace) -> None:
    request = read_recipe(EXAMPLE)
    assert request.presets == ("4bit", "8bit")
    assert workspace.sources.shareable(request.ref) == request.ref


def test_a_folder_tells_its_recipe(tmp_path: Path) -> None:
    record: dict[str, Any] = {
        "source": {"ref": "org/name", "revision": "b" * 40},
        "recipe": {"preset": "mixed_4_6", "strategy": "mixed_4_6", "bits": 4, "group_size": 64, "mode": "affine"},
    }
    (tmp_path / "mlx_convert.json").write_text(json.dumps(record))
    made = recipe_of(tmp_path, str)
    assert (made["ref"], made["revision"]) == ("org/name", "b" * 40)
    assert _recipe(json.loads(json.dumps(made))).request() == ConvertRequest(
        ref="org/name",
        revision="b" * 40,
        preset=("mixed_4_6",),
        strategy="mixed_4_6",
        bits=4,
        group_size=64,
        mode="affine",
    )
    assert "text_only" not in made
    (tmp_path / "mlx_convert.json").write_text(json.dumps({**record, "text_only": True}))
    assert recipe_of(tmp_path, str)["text_only"]
    record["source"] = {"ref": "models/folder", "revision": None}  # looks like a repo, was a folder
    (tmp_path / "mlx_convert.json").write_text(json.dumps(record))
    assert "ref" not in recipe_of(tmp_path, str)


@pytest.mark.parametrize(
    "record", ["", "[]", "{}", '{"recipe": 1, "source": {}}', '{"recipe": {"bits": "x"}, "source": {}}']
)
def test_a_folder_without_a_recipe_says_so(tmp_path: Path, record: str) -> None:
    (tmp_path / "mlx_convert.json").write_text(record)
    with pytest.raises(EntryNotFound) as caught:
        recipe_of(tmp_path, str)
    assert caught.value.code == "no_recipe"


def _recipe(data: Any) -> Recipe:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.json"
        path.write_text(json.dumps(data))
        return load_recipe(path)
