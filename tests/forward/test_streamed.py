"""A model that runs block by block computes what it computes as a whole, in less memory."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from mlx_convert_engine.forward import products
from mlx_convert_engine.forward.blocks import Load
from mlx_convert_engine.forward.streamed import StreamedModel
from mlx_convert_lm.adapter import load_lazily
from samples.tiny import write_tiny_llama

from forward.models import SEQUENCES, Quiet, plain_logits, plain_model, tiny
from mlx_convert_core.plugin import UnsupportedModel

# A kind of each: plain, tied head, experts, keys of another block reused, blocks called twice, states kept beside the
# hidden ones, convolutions, a head within a module, a cache that must be there, experts computed in Python.
SAMPLE = (
    "llama", "gemma3_text", "qwen3_moe", "afm7", "nanbeige", "gemma3n", "lfm2", "phixtral", "deepseek_v41", "dbrx",
)  # fmt: skip


@pytest.mark.parametrize("model_type", SAMPLE)
def test_logits_are_those_of_the_whole_model_bit_for_bit(model_type: str, tmp_path: Path) -> None:
    load = tiny(tmp_path, model_type)
    model = StreamedModel(load, exact=True)
    assert model.blocks
    assert model.tail.head
    for hidden, wanted in zip(model.hidden(SEQUENCES, Quiet()), plain_logits(load), strict=True):
        assert mx.array_equal(model.logits(hidden), wanted)


def test_hidden_states_are_kept_apart_from_the_head(tmp_path: Path) -> None:
    load = tiny(tmp_path, "llama")
    states = list(StreamedModel(load, exact=True).hidden(SEQUENCES, Quiet()))
    assert [state.shape for state in states] == [(len(sequence), 64) for sequence in SEQUENCES]
    head = StreamedModel(load, exact=True)  # another one, which has seen no token
    assert mx.array_equal(head.logits(states[0])[2:5], head.logits(states[0][2:5]))


def test_a_class_without_a_head_that_could_be_named_runs_too(tmp_path: Path) -> None:
    load = tiny(tmp_path, "talkie")
    model = StreamedModel(load, exact=True)
    assert not model.tail.head
    states = list(model.hidden(SEQUENCES, Quiet()))
    for state, wanted in zip(states, plain_logits(load), strict=True):
        assert mx.array_equal(model.logits(state), wanted)


def test_memory_holds_one_block_and_stays_within_the_estimate(tmp_path: Path) -> None:
    load = deep(tmp_path)
    sequences = [list(range(3, 67))] * 3
    mx.clear_cache()
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    model = StreamedModel(load)
    estimate = model.peak_memory([len(sequence) for sequence in sequences])
    for _ in model.hidden(sequences, Quiet()):
        pass
    streamed = mx.get_peak_memory() - before
    mx.reset_peak_memory()
    plain_logits(load, sequences[:1])
    whole = mx.get_peak_memory() - before
    assert streamed < whole / 4
    assert streamed < estimate


def test_a_second_pass_gives_the_same(tmp_path: Path) -> None:
    model = StreamedModel(tiny(tmp_path, "qwen3_moe"))
    first, second = (list(model.hidden(SEQUENCES, Quiet())) for _ in range(2))
    assert all(mx.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_progress_counts_tokens_times_blocks(tmp_path: Path) -> None:
    report = Quiet()
    list(StreamedModel(tiny(tmp_path, "llama")).hidden(SEQUENCES, report))
    tokens = sum(map(len, SEQUENCES))
    assert report.steps[0] == ("quantize", 11, 2 * tokens, "tokens")
    assert [done for _, done, _, _ in report.steps] == [11, 16, 27, 32]


def test_a_cancelled_pass_leaves_nothing_running(tmp_path: Path) -> None:
    model = StreamedModel(tiny(tmp_path, "llama"))
    with pytest.raises(InterruptedError):
        list(model.hidden(SEQUENCES, Quiet(calls=3)))
    assert not [thread for thread in threading.enumerate() if thread.name == "forward"]
    assert len(list(model.hidden(SEQUENCES, Quiet()))) == len(SEQUENCES)


def test_a_pass_that_nobody_finishes_ends(tmp_path: Path) -> None:
    news = StreamedModel(tiny(tmp_path, "llama")).walk(SEQUENCES, Quiet())
    assert next(news) == "model.layers.0"
    news.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "forward"]


def test_what_a_class_raises_comes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlx_lm.models import llama

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise ValueError("no mask today")

    load = tiny(tmp_path, "llama")
    monkeypatch.setattr(llama, "create_attention_mask", broken)
    with pytest.raises(UnsupportedModel, match="no mask today") as raised:
        list(StreamedModel(load).hidden(SEQUENCES, Quiet()))
    assert raised.value.code == "model_class"


@pytest.fixture
def packed(tmp_path: Path) -> Load:
    """A tiny llama in 4 bits."""
    from mlx_lm import convert

    convert(str(write_tiny_llama(tmp_path / "source")), str(tmp_path / "out"), quantize=True, q_bits=4)
    return lambda: load_lazily(tmp_path / "out", trust_remote_code=False)


def test_a_quantized_model_runs_as_well(packed: Load) -> None:
    model = StreamedModel(packed, exact=True)
    for hidden, wanted in zip(model.hidden(SEQUENCES, Quiet()), plain_logits(packed), strict=True):
        assert mx.array_equal(model.logits(hidden), wanted)
    near(StreamedModel(packed), plain_logits(packed))


@pytest.mark.skipif(not products.wanted(), reason="MLX itself multiplies here, and unpacks as it does")
@pytest.mark.parametrize(("room", "kept"), [(0, "none"), (100_000, "some"), (products.UNPACKED_BYTES, "all")])
def test_a_packed_layer_is_unpacked_once_for_all_sequences_as_far_as_memory_goes(
    packed: Load, room: int, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[int] = []

    def counted(layer: Any) -> Any:
        unpacked.append(id(layer))
        return weights(layer)

    wanted = list(StreamedModel(packed).hidden(SEQUENCES, Quiet()))
    weights = products._weights
    monkeypatch.setattr(products, "_weights", counted)
    monkeypatch.setattr(products, "UNPACKED_BYTES", room)
    model = StreamedModel(packed)
    states = list(model.hidden(SEQUENCES, Quiet()))
    assert all(mx.array_equal(one, other) for one, other in zip(states, wanted, strict=True))
    layers = sum(len(model.layers_of(path)) - 2 for path in model.blocks)  # two are norms
    assert (len(unpacked) == layers) is (kept == "all")
    assert (len(unpacked) == layers * len(SEQUENCES)) is (kept == "none")


@pytest.mark.parametrize("model_type", ["llama", "gemma3_text", "qwen3_moe", "deepseek_v3", "phi"])
def test_products_by_another_library_differ_in_rounding_only(model_type: str, tmp_path: Path) -> None:
    load = tiny(tmp_path, model_type)
    near(StreamedModel(load), plain_logits(load))


def near(model: StreamedModel, logits: list[Any]) -> None:
    """Hold a model's logits against others."""
    for hidden, wanted in zip(model.hidden(SEQUENCES, Quiet()), logits, strict=True):
        assert mx.allclose(model.logits(hidden), wanted, rtol=1e-4, atol=1e-5)


def test_an_embedding_stays_as_it_is_stored(tmp_path: Path) -> None:
    model = StreamedModel(tiny(tmp_path, "gemma3_text"))
    embedding = model.layers_outside["model.embed_tokens"]
    for _ in range(2):
        states = list(model.hidden(SEQUENCES, Quiet()))
        assert embedding.weight.dtype == mx.bfloat16
        assert model.logits(states[0]).dtype == mx.float32


def test_a_large_head_is_computed_in_slices_with_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlx_convert_engine.forward import outside

    monkeypatch.setattr(outside, "SLICE_BYTES", 64 * 64 * 4)  # 64 rows of 64 numbers
    for model_type in ("llama", "gemma3_text", "phi"):  # a head, a tied one, one with a bias
        load = tiny(tmp_path, model_type)
        model = StreamedModel(load, exact=True)
        states = list(model.hidden(SEQUENCES, Quiet()))
        for state, wanted in zip(states, plain_logits(load), strict=True):
            assert mx.allclose(model.logits(state), wanted, rtol=1e-6, atol=1e-6)


def deep(folder: Path) -> Any:
    """A llama of sixteen blocks, each far larger than what lies outside of them."""
    from mlx.utils import tree_flatten
    from mlx_lm.models import llama

    config = {
        "model_type": "llama", "hidden_size": 128, "num_hidden_layers": 16, "intermediate_size": 2048,
        "num_attention_heads": 4, "rms_norm_eps": 1e-5, "vocab_size": 128, "tie_word_embeddings": True,
    }  # fmt: skip
    model = llama.Model(llama.ModelArgs.from_dict(config))
    model.set_dtype(mx.bfloat16)
    (folder / "deep").mkdir()
    mx.save_safetensors(str(folder / "deep" / "model.safetensors"), dict(tree_flatten(model.parameters())))
    (folder / "deep" / "config.json").write_text(json.dumps(config))
    return lambda: load_lazily(folder / "deep", trust_remote_code=False)


def test_the_model_is_the_same_after_a_pass(tmp_path: Path) -> None:
    load = tiny(tmp_path, "llama")
    model = StreamedModel(load)
    list(model.hidden(SEQUENCES, Quiet()))
    tokens = mx.array([list(SEQUENCES[0])])
    assert mx.array_equal(model.model(tokens), plain_model(load)(tokens))  # nothing is passing, so MLX multiplies


def test_an_id_that_the_embedding_has_no_row_for_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    model = StreamedModel(tiny(tmp_path, "llama"))
    with pytest.raises(UnsupportedModel, match="up to 1,000,000 for this text") as refused:
        list(model.hidden([[1, 2], [3, 1_000_000]], Quiet()))
    assert refused.value.code == "token_ids"
