"""The rebuilt checkpoint has the very numbers of the GGUF file, each at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import mlx_convert_gguf.values
import mlx_convert_gguf.weights
import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.quants import dequantize, quantize
from hypothesis import given
from hypothesis import strategies as st
from mlx_convert_gguf import model_source
from mlx_convert_gguf.container import block, read_gguf
from mlx_convert_gguf.transforms import unpermute
from mlx_convert_gguf.values import GgufValues
from mlx_convert_gguf.weights import bf16
from samples.gguf import Values, llama_metadata, llama_values, permuted, write_llama_gguf
from samples.smollm2 import Silent
from samples.tiny import tiny_shapes

from mlx_convert_core import Cancelled, ModelInfo, UnsupportedModel
from mlx_convert_core.plugin import CorruptCheckpoint, inspect_folder

Rebuild = Callable[[Path], tuple[ModelInfo, Path]]


def weights_of(folder: Path) -> dict[str, mx.array]:
    loaded = mx.load(str(folder / "model.safetensors"))
    assert isinstance(loaded, dict)
    return loaded


def assert_equal(folder: Path, expected: Values) -> None:
    found = weights_of(folder)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == mx.bfloat16, name
        assert mx.array_equal(found[name], mx.array(values).astype(mx.bfloat16)), name


def test_smollm2_is_what_another_reader_and_mlx_make_of_the_file(smollm2_gguf: Path, smollm2: Path) -> None:
    found = weights_of(smollm2)
    tensors = {tensor.name: tensor for tensor in GGUFReader(smollm2_gguf).tensors}
    assert len(found) == len(tensors) == 272
    for layer in range(30):
        for ours, theirs, heads in (("q", "attn_q", 9), ("k", "attn_k", 3), ("v", "attn_v", 0)):
            stored = tensors[f"blk.{layer}.{theirs}.weight"]
            values = dequantize(stored.data, stored.tensor_type)
            if heads:
                values = np.stack([values[row] for row in interleaved(len(values), heads)])
            name = f"model.layers.{layer}.self_attn.{ours}_proj.weight"
            assert mx.array_equal(found[name], mx.array(values).astype(mx.bfloat16)), name
    stored = tensors["token_embd.weight"]
    embedding = mx.array(dequantize(stored.data, stored.tensor_type)).astype(mx.bfloat16)
    assert mx.array_equal(found["model.embed_tokens.weight"], embedding)


def interleaved(rows: int, heads: int) -> list[int]:
    """Where each row of a checkpoint stands in the file: a head's first half on even rows, its second on odd ones."""
    width = rows // heads
    return [
        head * width + (2 * row if row < width // 2 else 2 * (row - width // 2) + 1)
        for head in range(heads)
        for row in range(width)
    ]


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_1", "Q8_0"])
def test_every_number_comes_back_from_each_type(tmp_path: Path, rebuild: Rebuild, kind: str) -> None:
    values = llama_values()
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", values=values, kind=kind))
    stored = GGMLQuantizationType[kind]
    expected = {
        name: dequantize(quantize(array, stored), stored) if array.ndim > 1 else array for name, array in values.items()
    }
    assert_equal(folder, expected)


def _turned_into_numbers(kind: GGMLQuantizationType) -> bool:
    try:
        block(kind)
    except UnsupportedModel:
        return False
    return True


def test_any_rows_of_every_type_are_those_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random blocks: the types whose numbers nobody here could make are read as the gguf library reads them."""
    monkeypatch.setattr(mlx_convert_gguf.values, "DECODED_VALUES", 1024)
    kinds = [kind for kind in GGMLQuantizationType if _turned_into_numbers(kind)]
    assert {"Q2_K", "Q6_K", "IQ1_S", "IQ4_XS", "TQ1_0", "MXFP4", "BF16"} <= {kind.name for kind in kinds}
    numbers, writer = np.random.default_rng(3), GGUFWriter(tmp_path / "types.gguf", arch="llama")
    for kind in kinds:
        values, width = block(kind)
        stored = numbers.integers(0, 256, (2, 6, 512 // values * width), dtype=np.uint8)
        writer.add_tensor(kind.name, stored, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with np.errstate(all="ignore"):
        whole = {one.name: dequantize(one.data, one.tensor_type) for one in GGUFReader(tmp_path / "types.gguf").tensors}
    with GgufValues() as read:
        for tensor in read_gguf(tmp_path / "types.gguf").tensors:
            expected = whole[tensor.name].reshape(12, 512)
            for start, stop in ((0, 12), (3, 4), (5, 11)):
                assert np.array_equal(read.rows(tensor, start, stop), expected[start:stop], equal_nan=True), tensor.name


def test_checkpoint_is_what_was_inspected(tiny_gguf: Path, rebuild: Rebuild) -> None:
    promised, folder = rebuild(tiny_gguf)
    kept = inspect_folder(folder)
    assert kept.tensors == promised.tensors
    assert kept.config == promised.config
    assert {info.name: info.size for info in kept.files} == {info.name: info.size for info in promised.files}


def test_heads_of_their_own_width_and_untied_embeddings(tmp_path: Path, rebuild: Rebuild) -> None:
    shapes = [
        (name, (64, 128) if "q_proj" in name else (32, 128) if "k_proj" in name or "v_proj" in name else shape)
        for name, shape in tiny_shapes(tied=False)
    ]
    shapes = [(name, (128, 64) if "o_proj" in name else shape) for name, shape in shapes]
    values = llama_values(shapes)
    metadata = {"llama.attention.key_length": 16, "llama.attention.value_length": 16, "llama.rope.dimension_count": 16}
    model, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", values=values, metadata=metadata))
    assert model.config["head_dim"] == 16
    assert model.config["tie_word_embeddings"] is False
    assert_equal(folder, values)


def test_biases_of_attention_and_mlp(tmp_path: Path, rebuild: Rebuild) -> None:
    biases = [
        (name.replace("weight", "bias"), shape[:1])
        for name, shape in tiny_shapes()
        if "proj" in name and len(shape) > 1
    ]
    values = llama_values([*tiny_shapes(), *biases])
    model, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", values=values))
    assert model.config["attention_bias"] is True
    assert model.config["mlp_bias"] is True
    assert_equal(folder, values)


def test_rows_in_small_pieces_are_the_same(tmp_path: Path, rebuild: Rebuild, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlx_convert_gguf.weights, "CHUNK_VALUES", 1000)
    values = llama_values()
    _, folder = rebuild(write_llama_gguf(tmp_path / "tiny.gguf", values=values))
    assert_equal(folder, values)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50))
def test_bf16_rounds_as_mlx_does(bits: list[int]) -> None:
    values = np.array(bits, dtype=np.uint32).view(np.float32)
    ours = mx.array(bf16(values)).view(mx.bfloat16)
    theirs = mx.array(values).astype(mx.bfloat16)
    assert mx.array_equal(ours, theirs, equal_nan=True)


@given(heads=st.integers(1, 8), half=st.integers(1, 8), columns=st.integers(1, 5))
def test_permuting_and_back_changes_nothing(heads: int, half: int, columns: int) -> None:
    values = np.arange(heads * half * 2 * columns, dtype=np.float32).reshape(heads * half * 2, columns)
    assert np.array_equal(unpermute(permuted("q_proj", values, (heads, 1)), heads), values)


class Recorder(Silent):
    """Notes progress, and cancels once ``cancel_at`` bytes were written."""

    def __init__(self, cancel_at: int = 1 << 60) -> None:
        self.seen: list[tuple[int, int]] = []
        self._cancel_at = cancel_at

    def progress(self, *arguments: object) -> None:
        step, done, total = arguments[:3]
        assert step == "fetch"
        assert isinstance(done, int)
        assert isinstance(total, int)
        self.seen.append((done, total))

    def check_cancelled(self) -> None:
        if self.seen and self.seen[-1][0] >= self._cancel_at:
            raise Cancelled("cancelled.")


def test_progress_counts_every_byte_written(tiny_gguf: Path, tmp_path: Path) -> None:
    source = model_source(str(tiny_gguf), None)
    assert source is not None
    model, recorder = source.inspect(), Recorder()
    source.fetch(model, tmp_path, recorder)
    done = [one for one, _ in recorder.seen]
    assert done == sorted(done)
    assert len(done) >= len(model.tensors)
    assert recorder.seen[-1] == (model.weight_bytes, model.weight_bytes)


def test_cancel_ends_between_tensors(tiny_gguf: Path, tmp_path: Path) -> None:
    source = model_source(str(tiny_gguf), None)
    assert source is not None
    model = source.inspect()
    recorder = Recorder(cancel_at=model.weight_bytes // 3)
    with pytest.raises(Cancelled):
        source.fetch(model, tmp_path, recorder)
    assert recorder.seen[-1][0] < model.weight_bytes


def test_file_that_changed_after_the_plan_is_refused(tiny_gguf: Path, tmp_path: Path) -> None:
    source = model_source(str(tiny_gguf), None)
    assert source is not None
    model = source.inspect()
    write_llama_gguf(tiny_gguf, values=llama_values(tiny_shapes(1)), metadata=llama_metadata(num_hidden_layers=1))
    with pytest.raises(CorruptCheckpoint) as caught:
        source.fetch(model, tmp_path, Silent())
    assert caught.value.code == "source_changed"


def test_file_cut_short_while_it_is_read_is_refused(tiny_gguf: Path, tmp_path: Path) -> None:
    source = model_source(str(tiny_gguf), None)
    assert source is not None
    model = source.inspect()

    class Cutter(Silent):
        def check_cancelled(self) -> None:
            with tiny_gguf.open("r+b") as file:
                file.truncate(20_000)

    with pytest.raises(CorruptCheckpoint) as caught:
        source.fetch(model, tmp_path, Cutter())
    assert caught.value.code == "truncated"
