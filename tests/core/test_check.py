"""The check compares config.json's quantization with the plan, layer by layer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mlx_convert_core import ConversionFailed, OutputPlan, Quantization
from mlx_convert_core.plugin import KeptLayer, QuantizedLayer, ShardWriter, TensorInfo
from mlx_convert_core.writing.check import check_output

FOUR, EIGHT = Quantization(bits=4), Quantization(bits=8)
STORED = {"bits": 4, "group_size": 64, "mode": "affine", "head": {"bits": 8, "group_size": 64, "mode": "affine"}}
TENSORS = tuple(
    TensorInfo(name=name, dtype="U32", shape=(4, 8), shard="model.safetensors")
    for name in ("body.weight", "head.weight")
)
PLAN = OutputPlan(
    preset="4bit",
    path=Path("model"),
    quantization=FOUR,
    exact=True,
    tensors=TENSORS,
    quantized=(QuantizedLayer(path="body", quantization=FOUR), QuantizedLayer(path="head", quantization=EIGHT)),
    kept=(KeptLayer(path="router", reason="too small", nbytes=8),),
)


def write(folder: Path, quantization: Any) -> dict[str, str]:
    with ShardWriter(folder, TENSORS) as writer:
        for tensor in TENSORS:
            writer.write(tensor.name, bytes(tensor.nbytes))
    weight_map = {tensor.name: tensor.shard for tensor in TENSORS}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    (folder / "config.json").write_text(json.dumps({"quantization": quantization} if quantization else {}))
    return writer.digests


def test_a_folder_as_planned_gives_the_digest_of_every_file(tmp_path: Path) -> None:
    digests = write(tmp_path, STORED)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "notes.txt").write_text("hello")
    read = []
    files = check_output(PLAN, tmp_path, digests, read.append)
    assert set(files) == {"config.json", "model.safetensors", "model.safetensors.index.json", "more/notes.txt"}
    for name, digest in files.items():
        data = (tmp_path / name).read_bytes()
        assert (digest.size, digest.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert sum(read) == (tmp_path / "model.safetensors").stat().st_size


@pytest.mark.parametrize(
    ("quantization", "words"),
    [
        (None, "does not say how the model is quantized"),
        ({**STORED, "bits": 5}, "for the layer body"),
        ({**STORED, "group_size": 32}, "for the layer body"),
        ({**STORED, "mode": "mxfp4"}, "for the layer body"),
        ({**STORED, "body": False}, "for the layer body"),
        ({**STORED, "head": {"bits": 4, "group_size": 64}}, "for the layer head"),
        ({name: value for name, value in STORED.items() if name != "head"}, "for the layer head"),
        ({**STORED, "router": {"bits": 4, "group_size": 64}}, "router is quantized, and it is not"),
        ({**STORED, "extra": None}, "a null at extra"),
        ({**STORED, "extra": {"group_size": None, "bits": 4}}, "a null at extra"),
    ],
)
def test_a_config_that_says_otherwise_is_refused(tmp_path: Path, quantization: Any, words: str) -> None:
    digests = write(tmp_path, quantization)
    with pytest.raises(ConversionFailed) as caught:
        check_output(PLAN, tmp_path, digests, lambda nbytes: None)
    assert caught.value.code == "check_failed"
    assert words in caught.value.message


def test_a_tensor_that_was_never_written_whole_is_refused(tmp_path: Path) -> None:
    digests = write(tmp_path, STORED)
    del digests["head.weight"]
    with pytest.raises(ConversionFailed, match=r"the tensor head\.weight was never written"):
        check_output(PLAN, tmp_path, digests, lambda nbytes: None)


def test_all_differences_are_counted(tmp_path: Path) -> None:
    write(tmp_path, None)
    with pytest.raises(ConversionFailed, match=r"\(and 2 more differences\)"):
        check_output(PLAN, tmp_path, {}, lambda nbytes: None)
