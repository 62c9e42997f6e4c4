"""A model that is not whole any more goes nowhere, and the refusal names what is wrong with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from samples.tiny import write_tiny_llama

from mlx_convert_core import ConvertRequest, Message, UploadError, UploadRequest, Workspace
from mlx_convert_core.plugin import ShardWriter, TensorInfo, UseInstead, read_header

Spoil = Callable[[Path], object]


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace() as workspace:
        yield workspace


@pytest.fixture(scope="session")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("whole")
    source = write_tiny_llama(place / "source")
    with Workspace(home=place / "home") as workspace:
        request = ConvertRequest(ref=source, preset="8bit", output=place / "Tiny")
        return workspace.convert(request, inline=True).result().path


@pytest.fixture
def model(_whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(_whole, tmp_path / "Tiny")


def change_byte(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def write_one(path: Path, dtype: str, values: bytes, count: int) -> Path:
    tensor = TensorInfo(name="a.weight", dtype=dtype, shape=(count,), shard=path.name)
    with ShardWriter(path.parent, [tensor], {"format": "mlx"}) as writer:
        writer.write("a.weight", values)
    return path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40_000])


def refusal(workspace: Workspace, model: Path, target: Path) -> UploadError:
    with pytest.raises(UploadError) as refused:
        workspace.upload(model, f"folder:{target}", inline=True).result()
    assert not target.exists()
    return refused.value


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda model: cut(model / "model.safetensors"), r"model\.safetensors"),
        (lambda model: (model / "model.safetensors").unlink(), r"the weight file model\.safetensors is missing"),
        (lambda model: (model / "model.safetensors").write_text("version https://git-lfs"), r"model\.safetensors"),
        (lambda model: (model / "config.json").write_text("{"), r"config\.json is not valid JSON"),
        (lambda model: cut_text(model / "tokenizer.json"), r"tokenizer\.json is no valid JSON"),
        (lambda model: shutil.copy(model / "model.safetensors", model / "model-2.safetensors"), r"is in both"),
        (lambda model: write_one(model / "model.safetensors", "F32", bytes(8), 2), r"the tensor \S+ is not in"),
        (lambda model: record(model, "size", 7), r"and its record says 7 bytes"),
        (lambda model: (model / "tokenizer.json").unlink(), r"tokenizer\.json, which was written with it, is missing"),
    ],
    ids=["cut", "missing", "pointer", "config", "tokenizer", "twice", "other", "size", "without"],
)
def test_a_model_that_is_not_whole_is_refused_before_anything_moves(
    workspace: Workspace, model: Path, tmp_path: Path, spoil: Spoil, named: str
) -> None:
    spoil(model)
    request = UploadRequest(path=model, target="folder", name=str(tmp_path / "there"))
    with pytest.raises(UploadError, match=named) as refused:  # as the pages ask, before a person may press the button
        workspace.check_upload(request)
    assert refused.value.code == "up_damaged"
    assert refusal(workspace, model, tmp_path / "there").message == refused.value.message


def cut_text(path: Path) -> None:
    path.write_text(path.read_text()[:-20])


def record(model: Path, field: str, value: object) -> None:
    path = model / "mlx_convert.json"
    content = json.loads(path.read_text())
    content["files"]["model.safetensors"][field] = value
    path.write_text(json.dumps(content))


def test_what_a_mac_leaves_beside_the_weights_is_no_damage_and_stays(
    workspace: Workspace, model: Path, tmp_path: Path
) -> None:
    (model / "._model.safetensors").write_bytes(b"\0\5\x16\7")
    (model / ".DS_Store").write_bytes(b"\0")
    request = UploadRequest(path=model, target="folder", name=str(tmp_path / "there"))
    workspace.check_upload(request)
    sent = Path(workspace.upload(model, f"folder:{tmp_path / 'there'}", inline=True).result().location)
    assert (sent / "model.safetensors").exists()
    assert not [path for path in sent.iterdir() if path.name[0] == "."]


def test_bytes_that_changed_since_are_found_when_the_weights_are_read(
    workspace: Workspace, model: Path, tmp_path: Path
) -> None:
    weights = model / "model.safetensors"
    change_byte(weights, max(tensor.end for tensor in read_header(weights)) - 200)
    workspace.check_upload(UploadRequest(path=model, target="folder", name=str(tmp_path / "there")))
    refused = refusal(workspace, model, tmp_path / "there")
    assert refused.code == "up_damaged"
    assert "the bytes of model.safetensors are not those that were written" in refused.message


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("F32", np.array([1, 3e38, np.inf, np.nan], "<f4").tobytes()),
        ("F16", np.array([1, 65504, np.inf, -np.nan], "<f2").tobytes()),
        ("F64", np.array([1, 1e300, np.inf, np.nan], "<f8").tobytes()),
        ("BF16", np.array([0x3F80, 0x7F7F, 0x7F80, 0xFFC0], "<u2").tobytes()),
        ("F8_E4M3", bytes([0x38, 0x7E, 0xFE, 0x7F])),
        ("F8_E5M2", bytes([0x3C, 0x7B, 0x7C, 0xFE])),
    ],
)
def test_what_is_no_number_is_named_and_what_is_large_passes(
    workspace: Workspace, tmp_path: Path, dtype: str, values: bytes
) -> None:
    model = tmp_path / "Tiny"
    model.mkdir()
    (model / "config.json").write_text("{}")
    width = len(values) // 4
    write_one(model / "model.safetensors", dtype, values[: 3 * width], 3)
    job = workspace.upload(model, f"folder:{tmp_path / 'large'}", inline=True)
    told = [event.text for event in job.events() if isinstance(event, Message) and event.level == "warning"]
    job.result()
    infinite = "the tensor a.weight has 1 infinite value"
    assert [text[: len(infinite)] for text in told] == ([] if dtype == "F8_E4M3" else [infinite])
    write_one(model / "model.safetensors", dtype, values, 4)
    refused = refusal(workspace, model, tmp_path / "there")
    assert refused.code == "up_nan"
    assert (
        "the tensor a.weight in model.safetensors has values that are no numbers (NaN), at least 1" in refused.message
    )


def test_a_model_of_a_repo_that_was_damaged_is_to_be_converted_again(
    workspace: Workspace, model: Path, tmp_path: Path
) -> None:
    path = model / "mlx_convert.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"source": {"ref": "org/model", "revision": "abc"}}))
    cut(model / "model.safetensors")
    assert refusal(workspace, model, tmp_path / "there").remedies == (UseInstead("org/model"),)


def test_a_persons_own_words_and_mended_settings_are_no_damage(
    workspace: Workspace, model: Path, tmp_path: Path
) -> None:
    (model / "README.md").write_text("# Mine")
    settings = json.loads((model / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(json.dumps(settings | {"model_max_length": 128}))
    (model / "notes.txt").write_text("what I found out")
    workspace.upload(model, f"folder:{tmp_path / 'there'}", inline=True).result()
    assert (tmp_path / "there" / "README.md").read_text() == "# Mine"


def test_a_weight_file_whose_name_is_no_text_is_named_in_text(
    workspace: Workspace, model: Path, tmp_path: Path
) -> None:
    try:
        (model / "model-\udc80.safetensors").write_bytes(b"no weights")
    except OSError:
        pytest.skip("this disk takes names in UTF-8 only")
    told: list[str] = []
    workspace.scan(model, told.append)
    for text in (*told, refusal(workspace, model, tmp_path / "there").message):
        assert r"model-\udc80.safetensors is not a safetensors file" in text
        text.encode()
