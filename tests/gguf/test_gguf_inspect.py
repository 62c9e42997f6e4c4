"""What is found out from the header alone, and what is refused by name."""

from __future__ import annotations

import shutil
import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlx_convert_gguf import model_source
from mlx_convert_gguf.card import name_of
from mlx_convert_gguf.container import read_gguf
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.rope import llama3_factors
from mlx_convert_gguf.tokenizers.sentencepiece import pieces
from samples.gguf import (
    add_field,
    byte_level_metadata,
    gguf_name,
    llama_metadata,
    llama_values,
    write_gguf,
    write_llama_gguf,
)
from samples.hub_cache import COMMIT, cached
from samples.tiny import tiny_shapes, write_tiny_llama

from mlx_convert_core import InvalidRequest, MlxConvertError, ModelInfo, UnsupportedModel, Workspace
from mlx_convert_core.plugin import CorruptCheckpoint, RepoNotFound


def inspect(path: Path) -> ModelInfo:
    source = model_source(str(path), None)
    assert source is not None
    return source.inspect()


def test_smollm2_is_described_without_being_unpacked(smollm2_gguf: Path) -> None:
    model = inspect(smollm2_gguf)
    assert model.name == "SmolLM2-135M-Instruct"
    assert model.parameters == 134_515_008
    assert model.dtype == "bfloat16"
    assert model.card == {"license": "apache-2.0", "language": ["en"]}
    assert {
        "model_type": "llama",
        "num_hidden_layers": 30,
        "num_key_value_heads": 3,
        "rms_norm_eps": 1e-05,
        "rope_theta": 100000.0,
        "tie_word_embeddings": True,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }.items() <= model.config.items()


def test_inspecting_reads_no_weight(tmp_path: Path) -> None:
    """The file says that it holds 71 GB; it is a header and a hole, which nobody could read in a test."""
    path = tmp_path / "huge.gguf"
    sizes = {"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 40}
    writer = GGUFWriter(path, arch="llama")
    heads = {"num_attention_heads": 64, "num_key_value_heads": 64}
    fields = llama_metadata(**sizes, **heads) | byte_level_metadata(tmp_path / "tokenizer")
    for key, value in fields.items():
        if key != "general.architecture":
            add_field(writer, key, value)
    wide = {128: 8192, 256: 28672, 64: 8192, 384: 384}
    for name, shape in tiny_shapes(40):
        kind = GGMLQuantizationType.F32 if len(shape) == 1 else GGMLQuantizationType.F16
        grown = tuple(wide[size] for size in shape)
        nbytes = grown[0] * (grown[1] * 2 if len(grown) > 1 else 4)
        writer.add_tensor_info(gguf_name(name), grown, None, nbytes, raw_dtype=kind)  # type: ignore[arg-type]
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    with path.open("r+b") as file:
        file.truncate(80_000_000_000)
    assert inspect(path).weight_bytes > 70e9


def test_folder_with_one_file_is_that_file(tiny_gguf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.move(tiny_gguf, folder)
    (folder / "README.md").write_text("hello")
    (folder / "config.json").write_text("{}")
    (folder / "mmproj-f16.gguf").write_bytes(b"the eyes of the model")
    assert inspect(folder).path == folder / tiny_gguf.name


def test_folder_with_several_files_asks_which(tiny_gguf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(tiny_gguf, folder / "Tiny.Q4_0.gguf")
    (folder / "Tiny.Q2_K.gguf").write_bytes(b"small")
    with pytest.raises(InvalidRequest, match=r"2 GGUF files: Tiny\.Q2_K\.gguf, Tiny\.Q4_0\.gguf") as caught:
        inspect(folder)
    assert caught.value.code == "gguf_which"
    assert str(folder / "Tiny.Q4_0.gguf") in caught.value.hint


def test_folder_with_safetensors_is_left_to_others(tiny_gguf: Path, tmp_path: Path) -> None:
    folder = write_tiny_llama(tmp_path / "both")
    shutil.copy(tiny_gguf, folder)
    assert model_source(str(folder), None) is None


@pytest.mark.parametrize("ref", ["org/name", "hf://org/name", "https://huggingface.co/org/name-GGUF", "/nowhere", "."])
def test_what_is_no_gguf_is_left_to_others(ref: str) -> None:
    assert model_source(ref, None) is None


def test_file_is_known_by_its_first_bytes(tiny_gguf: Path) -> None:
    assert inspect(tiny_gguf.rename(tiny_gguf.with_name("sha256-0f3c"))).model_type == "llama"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RepoNotFound, match=r"nothing\.gguf") as caught:
        model_source(str(tmp_path / "nothing.gguf"), None)
    assert caught.value.code == "no_file"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct"),
        ("Llama-3.2-1B-Instruct-Q4_K_M.gguf", "Llama-3.2-1B-Instruct"),
        ("mistral-7b-v0.3.IQ2_XXS.gguf", "mistral-7b-v0.3"),
        ("Model-UD-Q6_K_XL.gguf", "Model"),
        ("model-f16.gguf", "model"),
        ("model.BF16.gguf", "model"),
        ("TinyLlama-1.1B.gguf", "TinyLlama-1.1B"),
        ("Q8_0.gguf", "Q8_0"),
    ],
)
def test_name_is_the_files_without_its_quantization(file: str, name: str) -> None:
    assert name_of(Path(file), Fields(file, {"general.name": "Another"})) == name


HASH = "ab12" * 16


@pytest.mark.parametrize(
    ("file", "metadata", "name"),
    [
        (f"sha256-{HASH}", {"general.name": "Llama 3.2 1B Instruct"}, "Llama-3.2-1B-Instruct"),
        (HASH, {"general.name": "../../etc/passwd"}, "passwd"),
        (HASH, {"general.name": "Tiny-Q4_K_M"}, "Tiny"),
        (f"{HASH[:32]}.gguf", {"general.basename": "Qwen2.5", "general.size_label": "0.5B"}, "Qwen2.5-0.5B"),
        (f"models--org--Smol-GGUF/blobs/{HASH}", {"general.name": HASH}, "Smol"),
        (HASH, {}, "model-ab12ab12ab12"),
    ],
)
def test_a_file_named_by_a_hash_has_the_name_that_stands_in_it(file: str, metadata: dict[str, str], name: str) -> None:
    assert name_of(Path(file), Fields(file, metadata)) == name


def test_a_file_of_a_hub_cache_comes_from_its_repo(tiny_gguf: Path, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    tiny_gguf.rename(shelf / "Tiny-F16.gguf")
    snapshot = cached(shelf, tmp_path / "hub", "org/Tiny-GGUF")
    model = inspect(snapshot / "Tiny-F16.gguf")
    assert (model.name, model.repo_id, model.revision) == ("Tiny", "org/Tiny-GGUF", COMMIT)
    (blob,) = (snapshot.parents[1] / "blobs").iterdir()
    model = inspect(blob)
    assert (model.name, model.repo_id, model.revision) == ("Tiny-Llama", "org/Tiny-GGUF", None)


def test_licence_languages_and_base_model_go_along(tmp_path: Path) -> None:
    about = {
        "general.license": "other",
        "general.license.name": "llama3.2",
        "general.license.link": "LICENSE.txt",
        "general.languages": ["en", "de"],
        "general.tags": ["chat"],
        "general.base_model.count": 1,
        "general.base_model.0.repo_url": "https://huggingface.co/meta-llama/Llama-3.2-1B",
    }
    assert inspect(write_llama_gguf(tmp_path / "tiny.gguf", metadata=about)).card == {
        "license": "other",
        "license_name": "llama3.2",
        "license_link": "LICENSE.txt",
        "language": ["en", "de"],
        "tags": ["chat"],
        "base_model": "meta-llama/Llama-3.2-1B",
    }


@pytest.mark.parametrize(
    ("metadata", "scaling"),
    [
        ({}, None),
        ({"llama.rope.scaling.type": "none"}, None),
        ({"llama.rope.scale_linear": 2.0}, {"rope_type": "linear", "type": "linear", "factor": 2.0}),
        (
            {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0},
            {"rope_type": "linear", "type": "linear", "factor": 4.0},
        ),
        (
            {
                "llama.rope.scaling.type": "yarn",
                "llama.rope.scaling.factor": 16.0,
                "llama.rope.scaling.original_context_length": 4096,
            },
            {"rope_type": "yarn", "type": "yarn", "factor": 16.0, "original_max_position_embeddings": 4096},
        ),
    ],
)
def test_stretched_positions_are_said_in_the_config(
    tmp_path: Path, metadata: dict[str, Any], scaling: dict[str, Any] | None
) -> None:
    assert inspect(write_llama_gguf(tmp_path / "tiny.gguf", metadata=metadata)).config.get("rope_scaling") == scaling


@pytest.mark.parametrize("factor", [8.0, 32.0])
def test_factors_of_llama_3_become_its_numbers_again(tmp_path: Path, factor: float) -> None:
    values = llama_values()
    path = tmp_path / "tiny.gguf"
    tensors = _tensors_with_factors(values, llama3_factors(500000.0, 32, factor))
    write_gguf(path, _fields(tmp_path) | {"llama.rope.freq_base": 500000.0}, tensors)
    assert inspect(path).config["rope_scaling"] == {
        "rope_type": "llama3",
        "factor": factor,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }


def test_factors_of_nobody_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    write_gguf(path, _fields(tmp_path), _tensors_with_factors(llama_values(), [1.0 + index for index in range(16)]))
    with pytest.raises(UnsupportedModel, match="rope_freqs") as caught:
        inspect(path)
    assert caught.value.code == "gguf_rope"


@pytest.mark.parametrize(
    ("metadata", "code", "named"),
    [
        ({"general.architecture": "qwen3", "qwen3.expert_count": 8}, "gguf_arch", "mixture of experts"),
        ({"llama.rope.scaling.type": "longrope"}, "gguf_rope", "longrope"),
        ({"llama.rope.dimension_count": 16}, "gguf_variant", "a part of each head"),
        ({"llama.attention.value_length": 16}, "gguf_variant", "different lengths"),
        ({"llama.attention.scale": 0.5}, "gguf_variant", r"llama\.attention\.scale"),
        ({"llama.logit_scale": 8.0}, "gguf_variant", r"llama\.logit_scale"),
    ],
)
def test_relatives_of_llama_are_refused_by_name(
    tmp_path: Path, metadata: dict[str, Any], code: str, named: str
) -> None:
    path = write_llama_gguf(tmp_path / "tiny.gguf", metadata=metadata)
    with pytest.raises(UnsupportedModel, match=named) as caught:
        inspect(path)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("architecture", ["rwkv6", "mamba", "clip"])
def test_other_architectures_are_refused_by_name(tmp_path: Path, architecture: str) -> None:
    path = write_llama_gguf(tmp_path / "tiny.gguf", metadata={"general.architecture": architecture})
    with pytest.raises(UnsupportedModel, match=f"'{architecture}'") as caught:
        inspect(path)
    assert caught.value.code == "gguf_arch"
    assert "original model" in caught.value.hint or "picture part" in caught.value.hint


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({"llama.block_count": None}, r"lacks the field llama\.block_count"),
        ({"llama.block_count": "two"}, r"'two' in the field llama\.block_count"),
        ({"llama.block_count": 900}, "900 layers"),
        ({"llama.attention.head_count": 0}, "0 attention heads"),
        ({"llama.rope.freq_base": float("nan")}, r"nan in the field llama\.rope\.freq_base"),
        ({"llama.rope.freq_base": True}, r"'True' in the field llama\.rope\.freq_base"),
        ({"llama.block_count": [[2]]}, "items of the type 9"),
        ({"llama.block_count": ["two"]}, r"'two' in the field llama\.block_count"),
        ({"llama.feed_forward_length": 300}, r"ffn_down\.weight has the shape"),
    ],
)
def test_numbers_that_fit_no_llama_are_refused(tmp_path: Path, metadata: dict[str, Any], named: str) -> None:
    path = write_llama_gguf(tmp_path / "tiny.gguf", metadata=metadata)
    with pytest.raises(CorruptCheckpoint, match=named):
        inspect(path)


def test_missing_and_unknown_tensors_are_named(tmp_path: Path) -> None:
    values = llama_values()
    missing = {name: array for name, array in values.items() if "layers.1.mlp.up_proj" not in name}
    with pytest.raises(CorruptCheckpoint, match=r"1 tensors are missing, blk\.1\.ffn_up\.weight"):
        inspect(write_llama_gguf(tmp_path / "missing.gguf", values=missing))
    tensors = {gguf_name(name): array for name, array in values.items()}
    tensors["blk.0.attn_q_norm.weight"] = values["model.norm.weight"]
    path = write_gguf(tmp_path / "unknown.gguf", _fields(tmp_path), tensors)
    with pytest.raises(UnsupportedModel, match=r"blk\.0\.attn_q_norm\.weight"):
        inspect(path)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"<html>not found</html>", "corrupt_header"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "lfs_pointer"),
        (b"GGUF", "truncated"),
        (b"GGUF\x01\0\0\0", "gguf_version"),
        (b"GGUF\0\0\0\x03", "gguf_version"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 64, "corrupt_header"),
    ],
)
def test_what_is_no_gguf_file_is_told_apart(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(MlxConvertError) as caught:
        inspect(path)
    assert caught.value.code == code
    assert caught.value.hint


def test_big_endian_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF\0\0\0\x03")
    with pytest.raises(UnsupportedModel, match="big-endian"):
        inspect(path)


def test_truncated_file_says_how_much_is_missing(tiny_gguf: Path) -> None:
    whole = tiny_gguf.stat().st_size
    with tiny_gguf.open("r+b") as file:
        file.truncate(whole - 100_000)
    with pytest.raises(CorruptCheckpoint, match=f"{whole - 100_000:,}") as caught:
        inspect(tiny_gguf)
    assert caught.value.code == "truncated"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_damaged_header_is_our_error_or_harmless(tiny_gguf: Path, data: st.DataObject) -> None:
    content = bytearray(tiny_gguf.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, 16_000))
        content[place : place + 1] = data.draw(st.binary(min_size=1, max_size=9))
    damaged = tiny_gguf.with_name("damaged.gguf")
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(MlxConvertError):  # any other exception fails the test
        inspect(damaged)


def test_folder_with_a_gguf_is_refused_when_the_plugin_is_left_out(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.move(tiny_gguf, folder)
    with Workspace() as workspace:
        assert workspace.inspect(str(folder)).model_type == "llama"
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", "mlx_convert_hub,mlx_convert_lm,mlx_convert_library")
    with Workspace() as workspace:
        assert workspace.inspect(str(folder)).model_type == ""


def _fields(tmp_path: Path) -> dict[str, Any]:
    return llama_metadata() | byte_level_metadata(tmp_path / "tokenizer")


def _tensors_with_factors(values: dict[str, Any], factors: list[float]) -> dict[str, Any]:
    import numpy as np

    tensors = {gguf_name(name): array for name, array in values.items()}
    return tensors | {"rope_freqs.weight": np.array(factors, dtype=np.float32)}


@pytest.mark.parametrize("claim", ["items", "texts", "lists", "tensors", "text"])
def test_what_a_header_claims_is_weighed_before_room_is_made(tmp_path: Path, claim: str) -> None:
    path = tmp_path / "claims.gguf"
    key = struct.pack("<Q", 1) + b"k"
    fields = {
        "items": key + struct.pack("<IIQ", 9, 4, 1 << 28),
        "texts": key + struct.pack("<IIQ", 9, 8, 10_000_000),
        "lists": key + struct.pack("<IIQ", 9, 9, 10_000_000),
        "text": key + struct.pack("<IQ", 8, 1 << 28),
        "tensors": b"",
    }[claim]
    counts = struct.pack("<QQ", 1 << 40, 0) if claim == "tensors" else struct.pack("<QQ", 0, 1)
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<I", 3) + counts + fields)
        file.truncate(1 << 31)  # long enough to hold what it claims, and taking no room
    with pytest.raises(CorruptCheckpoint) as refused:
        read_gguf(path)
    assert refused.value.code == "corrupt_header"


def test_a_long_list_of_numbers_takes_no_more_than_its_bytes(tmp_path: Path) -> None:
    path, count = tmp_path / "numbers.gguf", 3_000_000
    field = struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 12, count)
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + field)
        file.truncate(file.tell() + 8 * count)
    tracemalloc.start()
    numbers = read_gguf(path).metadata["k"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(numbers), numbers[-1]) == (count, 0.0)
    assert peak < 1.5 * 8 * count


def test_a_vocabulary_of_endless_tokens_is_refused() -> None:
    values = {"tokenizer.ggml.tokens": ["a" * 40_000], "tokenizer.ggml.scores": [0.0], "tokenizer.ggml.token_type": [1]}
    with pytest.raises(CorruptCheckpoint, match="too long, up to 40,000 characters"):
        pieces(Fields("long.gguf", values))
