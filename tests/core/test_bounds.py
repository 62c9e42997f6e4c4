"""What files claim is weighed before any of it is believed: no tiny file takes minutes or gigabytes."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.base import limits
from mlx_convert_core.model import safetensors
from mlx_convert_core.plugin import CorruptCheckpoint, inspect_folder, read_header


def header(path: Path, entries: dict[str, object], data: int = 0) -> Path:
    text = json.dumps(entries).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + data)
    return path


@pytest.mark.parametrize(
    "shape",
    [[2] * 33, [1 << 40, 1 << 40], [9] * 200_000, [1 << 70], [0] + [1 << 61] * 31, [1 << 62, 2]],
    ids=["many dimensions", "many elements", "very many dimensions", "a giant", "an empty giant", "just too many"],
)
def test_a_shape_is_not_multiplied_beyond_what_a_file_can_hold(tmp_path: Path, shape: list[int]) -> None:
    path = header(tmp_path / "model.safetensors", {"a": {"dtype": "U8", "shape": shape, "data_offsets": [0, 8]}}, 8)
    with pytest.raises(CorruptCheckpoint) as refused:
        read_header(path)
    assert refused.value.code == "corrupt_header"


def test_more_tensors_than_any_model_has_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    path = header(tmp_path / "model.safetensors", {f"t{n}": entry for n in range(limits.TENSORS + 1)})
    with pytest.raises(CorruptCheckpoint, match="tensors") as refused:
        read_header(path)
    assert refused.value.code == "too_big"


def test_a_header_of_many_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", limits.HEADER_BYTES + 1))
        file.truncate(limits.HEADER_BYTES * 2)
    with pytest.raises(CorruptCheckpoint) as refused:
        read_header(path)
    assert refused.value.code == "too_big"


ENTRY = b'{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"{" + b",".join(b'"%d":1' % n for n in range(5 * limits.TENSORS)) + b"}", "too_big"),
        (b'{"__metadata__":{"format":"' + b"x" * limits.METADATA_BYTES + b'"},"a":' + ENTRY + b"}", "too_big"),
        (b'{"a":' + ENTRY[:-1] + b',"x":"' + b"x" * 100_000 + b'"}}', "corrupt_header"),
        (b'{"' + b"a" * 100_000 + b'":{"dtype":"' + b"Q" * 5000 + b'","shape":[0],"data_offsets":[0,0]}}', None),
    ],
    ids=["many entries", "much metadata", "a long entry", "a long name"],
)
def test_a_header_is_read_entry_by_entry_each_of_known_size(tmp_path: Path, text: bytes, code: str | None) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(CorruptCheckpoint) as refused:
        read_header(path)
    assert refused.value.code == (code or "corrupt_header")
    assert len(refused.value.message) < 1000


def test_more_tensors_than_any_checkpoint_has_are_not_gathered(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safetensors, "ALL_TENSORS", 10)
    with pytest.raises(CorruptCheckpoint, match="more than 10 tensors") as refused:
        inspect_folder(tiny_llama)
    assert refused.value.code == "too_big"


def test_a_number_in_a_name_makes_no_layers(tiny_llama: Path, tmp_path: Path) -> None:
    path = tiny_llama / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "num_hidden_layers": 100_000}))
    for name in ("x.99999999", "x." + "9" * 5000):
        header(tiny_llama / "model-1.safetensors", {name: {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}})
        with Workspace() as workspace:
            plan = workspace.plan(ConvertRequest(ref=str(tiny_llama), output=tmp_path / "out"), exact=False)
        assert [finding.code for finding in plan.errors] == ["layers"]


@pytest.mark.parametrize("where", ["", "text_config"])
def test_layers_that_no_tensor_belongs_to_are_not_built(tiny_llama: Path, tmp_path: Path, where: str) -> None:
    path = tiny_llama / "config.json"
    config = json.loads(path.read_bytes())
    (config.setdefault(where, {}) if where else config)["num_hidden_layers"] = 100_000
    path.write_text(json.dumps(config))
    with Workspace() as workspace:
        plan = workspace.plan(ConvertRequest(ref=str(tiny_llama), output=tmp_path / "out"))
    [finding] = plan.errors
    assert (finding.code, "100,000" in finding.message, "2" in finding.message) == ("layers", True, True)
