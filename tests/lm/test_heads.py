"""The output head: kept where it is one of its own, whatever config.json says, and never lost without a word."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from architectures.checkpoints import write_tiny
from cases.checkpoints import rename_tensors
from mlx_convert_lm.adapter import load_lazily
from mlx_convert_lm.config.heads import Head, head_in
from samples.tiny import write_tiny_llama

from mlx_convert_core import ConvertRequest, UnsupportedModel, Workspace
from mlx_convert_core.plugin import TensorInfo, read_header

HEAD = "lm_head.weight"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A llama with a head of its own."""
    return write_tiny_llama(tmp_path_factory.mktemp("own") / "tiny", tie_word_embeddings=False)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A llama that shares its head with its embeddings."""
    return write_tiny_llama(tmp_path_factory.mktemp("shared") / "tiny", tie_word_embeddings=True)


def saying(source: Path, folder: Path, **settings: Any) -> Path:
    """A copy of ``source`` whose config.json says ``settings``; None takes an entry out."""
    shutil.copytree(source, folder)
    path = folder / "config.json"
    config = json.loads(path.read_text()) | settings
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))
    return folder


def without_entry(source: Path, folder: Path) -> Path:
    return saying(source, folder, tie_word_embeddings=None)


def with_head_of_embeddings(own: Path, folder: Path, **settings: Any) -> Path:
    """A copy of ``own`` whose head holds the bytes of its embeddings."""
    saying(own, folder, **settings)
    path = folder / "model.safetensors"
    tensors = {tensor.name: tensor for tensor in read_header(path)}
    content = bytearray(path.read_bytes())
    head, embedding = tensors[HEAD], tensors["model.embed_tokens.weight"]
    content[head.start : head.end] = content[embedding.start : embedding.end]
    path.write_bytes(content)
    return folder


def convert(folder: Path) -> tuple[Path, list[str]]:
    """What a conversion writes, and the codes of its findings."""
    made = folder.parent / f"{folder.name}-mlx"
    with Workspace(home=folder.parent / f"{folder.name}-home") as workspace:
        request = ConvertRequest(ref=str(folder), preset=("bf16",), output=(made,))
        result = workspace.convert(request, inline=True).result()
    return made, [finding.code for finding in result.models[0].findings]


def tied(folder: Path) -> bool:
    return bool(json.loads((folder / "config.json").read_text())["tie_word_embeddings"])


def headers(folder: Path) -> list[TensorInfo]:
    return [tensor for path in folder.glob("*.safetensors") for tensor in read_header(path)]


def names(folder: Path) -> set[str]:
    return {tensor.name for tensor in headers(folder)}


def logits(folder: Path) -> np.ndarray[Any, Any]:
    """What mlx-lm by itself makes of a converted folder."""
    import mlx.core as mx
    from mlx_lm.utils import load_model

    model, _ = load_model(folder)
    return np.array(model(mx.array([list(range(5, 21))])).astype(mx.float32))


def test_a_head_that_differs_is_kept_although_config_says_shared(tmp_path: Path, own: Path) -> None:
    made, codes = convert(saying(own, tmp_path / "said-shared", tie_word_embeddings=True))
    right, none = convert(saying(own, tmp_path / "said-own"))
    assert (tied(made), "own_head" in codes, "own_head" in none) == (False, True, False)
    assert np.array_equal(logits(made), logits(right))


def test_a_head_that_is_the_embeddings_once_more_is_left_out(tmp_path: Path, own: Path) -> None:
    made, codes = convert(with_head_of_embeddings(own, tmp_path / "twice", tie_word_embeddings=True))
    assert (tied(made), HEAD in names(made), "own_head" in codes) == (True, False, False)


@pytest.mark.parametrize("kind", ["own", "shared"])
def test_where_config_says_nothing_the_file_decides(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    source: Path = request.getfixturevalue(kind)
    made, _ = convert(without_entry(source, tmp_path / "silent"))
    right, _ = convert(saying(source, tmp_path / "said"))
    assert tied(made) == (kind == "shared")
    assert np.array_equal(logits(made), logits(right))


def test_a_head_that_the_class_can_not_keep_is_refused(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "gemma", "gemma")
    embeddings = next(tensor for tensor in headers(folder) if tensor.name == "model.embed_tokens.weight")
    add(folder, HEAD, embeddings.shape)
    with pytest.raises(UnsupportedModel, match=HEAD):
        load_lazily(folder, trust_remote_code=False)


def test_a_copy_of_the_embeddings_does_no_harm_to_a_class_without_a_head(tmp_path: Path) -> None:
    import mlx.core as mx

    folder = write_tiny(tmp_path / "gemma", "gemma")
    arrays = {name: array for path in folder.glob("*.safetensors") for name, array in mx.load(str(path)).items()}
    mx.save_safetensors(str(folder / "model-extra.safetensors"), {HEAD: arrays["model.embed_tokens.weight"]})
    model = load_lazily(folder, trust_remote_code=False).model
    assert "lm_head" not in model


def add(folder: Path, name: str, shape: tuple[int, ...]) -> None:
    """Put another tensor into a checkpoint."""
    import mlx.core as mx

    mx.save_safetensors(str(folder / "model-extra.safetensors"), {name: mx.random.normal(shape).astype(mx.bfloat16)})


def test_a_converted_model_with_a_head_of_its_own_is_run_with_it(tmp_path: Path, own: Path) -> None:
    right, _ = convert(saying(own, tmp_path / "right"))
    foreign = saying(right, tmp_path / "foreign", tie_word_embeddings=True)
    loaded = load_lazily(foreign, trust_remote_code=False)
    assert not loaded.config["tie_word_embeddings"]
    assert [finding.code for finding in loaded.findings] == ["own_head"]


def test_head_and_embeddings_are_told_apart_by_their_bytes(tmp_path: Path, own: Path, shared: Path) -> None:
    assert head_in(own) is Head.OWN
    assert head_in(shared) is Head.NONE
    assert head_in(with_head_of_embeddings(own, tmp_path / "twice")) is Head.EQUAL


@pytest.mark.parametrize("name", ["output.weight", "embed_out.weight", "transformer.output_layer.weight"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_head_of_another_usual_name_is_the_head(own: Path, tmp_path: Path, name: str, tied: bool) -> None:
    other = saying(own, tmp_path / "other", tie_word_embeddings=tied)
    rename_tensors(other, lambda old: name if old == HEAD else old)
    made, codes = convert(other)
    assert (made / "model.safetensors").read_bytes() == (
        convert(saying(own, tmp_path / "usual"))[0] / "model.safetensors"
    ).read_bytes()
    assert "renamed" in codes


def test_a_head_that_config_json_says_nothing_of_is_kept_whatever_its_name(tmp_path: Path) -> None:
    said = write_tiny(tmp_path / "said", "internlm2")
    unsaid = without_entry(said, tmp_path / "unsaid")
    made = [convert(folder)[0] / "model.safetensors" for folder in (said, unsaid)]
    assert made[0].read_bytes() == made[1].read_bytes()
