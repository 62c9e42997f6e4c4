"""Which files of a source are its weights: told by names, an index and headers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlx_convert_core.model.safetensors_layout import layout
from mlx_convert_core.plugin import CorruptCheckpoint, TensorInfo, inspect_folder, weight_files

LLAMA = ("model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight")
META = ("tok_embeddings.weight", "layers.0.attention.wq.weight")
LORA = ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",)
FIRST, SECOND = "-00001-of-00002.safetensors", "-00002-of-00002.safetensors"


def source(folder: Path, files: Mapping[str, tuple[str, ...]], index: str = "", named: tuple[str, ...] = ()) -> Path:
    """A folder with weight files that hold tensors of these names, and an index that names some of the files."""
    (folder / "config.json").write_text('{"model_type": "llama"}')
    for name, tensors in files.items():
        plan = layout([TensorInfo(name=tensor, dtype="BF16", shape=(2, 4)) for tensor in tensors])
        (folder / name).write_bytes(plan.header.ljust(plan.file_bytes, b"\1"))
    if index:
        weight_map = {tensor: name for name in named for tensor in files[name]}
        (folder / index).write_text(json.dumps({"weight_map": weight_map}))
    return folder


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({"pytorch_model.safetensors": LLAMA}, ["pytorch_model.safetensors"]),
        ({f"weights{FIRST}": LLAMA[:1], f"weights{SECOND}": LLAMA[1:]}, [f"weights{FIRST}", f"weights{SECOND}"]),
        ({"weights.00.safetensors": LLAMA[:1], "weights.01.safetensors": LLAMA[1:]}, ["weights.00", "weights.01"]),
        ({"consolidated.safetensors": LLAMA}, ["consolidated.safetensors"]),
        ({"consolidated.safetensors": META, "model.safetensors": LLAMA}, ["model.safetensors"]),
        ({"consolidated.safetensors": META, "weights.safetensors": LLAMA}, ["weights.safetensors"]),
        ({"adapter_model.safetensors": LORA, "weights.safetensors": LLAMA}, ["weights.safetensors"]),
        ({"adapter_model.safetensors": LORA}, []),
        ({"diffusion_pytorch_model.safetensors": ("conv_in.weight",), "llm.safetensors": LLAMA}, ["llm.safetensors"]),
        ({"model.safetensors": LLAMA, "model.fp16.safetensors": LLAMA}, ["model.safetensors"]),
        ({"model.safetensors": LLAMA, "model-mtp.safetensors": ("mtp.0.weight",)}, ["model-mtp", "model.safetensors"]),
        ({"model.safetensors": LLAMA, "mtp.safetensors": ("mtp.0.weight",)}, ["model.safetensors"]),
        ({"model.fp16.safetensors": LLAMA}, ["model.fp16.safetensors"]),
    ],
)
def test_the_weight_files_are_told(tmp_path: Path, files: dict[str, tuple[str, ...]], chosen: list[str]) -> None:
    folder = source(tmp_path, files)
    assert [name.removesuffix(".safetensors") for name in weight_files(folder)] == [
        name.removesuffix(".safetensors") for name in chosen
    ]
    assert inspect_folder(folder).shards == weight_files(folder)


def test_an_index_tells_which_of_several_it_is(tmp_path: Path) -> None:
    files = {"ema.safetensors": LLAMA, "weights.safetensors": LLAMA}
    assert [one.code for one in inspect_folder(source(tmp_path, files)).findings] == ["which_weights"]
    source(tmp_path, files, "weights.safetensors.index.json", ("weights.safetensors",))
    assert weight_files(tmp_path) == ("weights.safetensors",)


def test_an_index_tells_which_splitting_counts(tmp_path: Path) -> None:
    older = {f"model-0000{number}-of-00003.safetensors": (*LLAMA, "c")[number - 1 : number] for number in (1, 2)}
    files = {f"model{FIRST}": LLAMA[:1], f"model{SECOND}": LLAMA[1:], **older}
    with pytest.raises(CorruptCheckpoint) as caught:
        weight_files(source(tmp_path, files))
    assert caught.value.code == "mixed_shards"
    source(tmp_path, files, "model.safetensors.index.json", (f"model{FIRST}", f"model{SECOND}"))
    assert weight_files(tmp_path) == (f"model{FIRST}", f"model{SECOND}")


def test_a_whole_file_beside_indexed_ones_is_nobodys_to_choose(tmp_path: Path) -> None:
    files = {f"model{FIRST}": LLAMA[:1], f"model{SECOND}": LLAMA[1:], "model.safetensors": LLAMA}
    source(tmp_path, files, "model.safetensors.index.json", (f"model{FIRST}", f"model{SECOND}"))
    with pytest.raises(CorruptCheckpoint) as caught:
        weight_files(tmp_path)
    assert caught.value.code == "mixed_shards"


def test_a_file_that_shares_some_tensors_only_is_no_copy(tmp_path: Path) -> None:
    with pytest.raises(CorruptCheckpoint, match="is in both"):
        weight_files(source(tmp_path, {"model.safetensors": LLAMA, "model.new.safetensors": (LLAMA[0], "c")}))


def test_what_nothing_tells_apart_is_named(tmp_path: Path) -> None:
    files = {"a.safetensors": LLAMA, "b.safetensors": LLAMA}
    with pytest.raises(CorruptCheckpoint, match=r"a\.safetensors, b\.safetensors") as caught:
        weight_files(source(tmp_path, files))
    assert caught.value.code == "which_weights"
