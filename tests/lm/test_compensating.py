"""Conversions that make good what columns lose: the text that they take, what they leave to tuned, what is kept."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forward.models import tiny
from mlx_convert_engine import calibrating
from mlx_convert_engine.calibrating import inputs_of
from mlx_convert_engine.forward import sums
from mlx_convert_engine.kept_inputs import KeptInputs
from mlx_convert_engine.texts import calibration_tokens
from mlx_convert_engine.tuning.findings import not_known
from mlx_convert_engine.tuning.methods import Tuned
from mlx_convert_engine.tuning.rounding import Inputs, Rounding
from mlx_convert_lm.converter import LmClasses
from random_llama import INNER
from samples.tiny import write_tiny_llama
from toy_methods import Recording, Silent

from mlx_convert_core import Cancelled, ConvertedModel, ConvertRequest, Progress, Quantization, StepStarted, Workspace
from mlx_convert_core.converting import places
from mlx_convert_core.plugin import inspect_folder, read_record
from mlx_convert_core.testing import HIDDEN

SEQUENCES = [[(37 * place + 11 * start) % 290 + 5 for place in range(64)] for start in range(4)]
LAYER, HEAD = "model.layers.1.mlp.up_proj", "model.embed_tokens"


@pytest.fixture(autouse=True)
def short_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have matrices made of as much text as tiny layers need."""
    monkeypatch.setattr(calibrating, "MATRIX_TOKENS", 2048)


def asked(source: Path, output: Path, **options: Any) -> ConvertRequest:
    """A request for the method, in the numbers that a tiny layer can have."""
    request = ConvertRequest(ref=str(source), bits=4, group_size=32, method="compensated", output=output)
    return replace(request, **options)


def converted(workspace: Workspace, request: ConvertRequest) -> ConvertedModel:
    """The model that comes of it, made in this process."""
    return workspace.convert(request, inline=True).result().models[0]


def loading(folder: Path) -> Any:
    """The model in a folder, loaded anew at each call."""
    return partial(LmClasses(trust_remote_code=False).load, folder, inspect_folder(folder, ref="tiny"))


def lost(folder: Path, source: Path, matrix: np.ndarray, layer: str) -> float:
    """What a layer of the model in ``folder`` loses of the one in ``source``, for inputs with this matrix."""
    import mlx.core as mx

    weights, made = mx.load(str(source / "model.safetensors")), mx.load(str(folder / "model.safetensors"))
    words, scales, biases = (made[f"{layer}.{part}"] for part in ("weight", "scales", "biases"))
    stored = mx.dequantize(words, scales.astype(mx.float32), biases.astype(mx.float32), group_size=32, bits=4)
    error = np.array(weights[f"{layer}.weight"].astype(mx.float32) - stored, np.float64)
    return float(np.einsum("ri,ij,rj->", error, matrix, error))


def test_layers_lose_less_than_tuned_in_the_same_bytes_and_the_same_text_gives_the_same_bits(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    made = converted(workspace, asked(tiny_llama, tmp_path / "one"))
    again = converted(workspace, asked(tiny_llama, tmp_path / "two"))
    tuned = converted(workspace, asked(tiny_llama, tmp_path / "tuned", method="tuned"))
    assert made.weight_bytes == tuned.weight_bytes
    weights = [(model.path / "model.safetensors").read_bytes() for model in (made, again, tuned)]
    assert weights[0] == weights[1] != weights[2]
    record = read_record(made.path)
    assert record is not None
    assert record.recipe["method"] == "compensated"
    keep = KeptInputs(tmp_path / "kept")
    tokenizer = LmClasses(trust_remote_code=False).tokenizer(tiny_llama)
    assert tokenizer is not None
    text = calibration_tokens(tokenizer, 2048, 0)
    learned = inputs_of(loading(tiny_llama), text, keep, "this", Silent(), matrices=True)
    for layer in (LAYER, HEAD):
        (matrix,) = keep.of(learned[layer].place)
        losing = [lost(model.path, tiny_llama, np.array(matrix, np.float64), layer) for model in (made, tuned)]
        assert losing[0] < 0.97 * losing[1], layer
    assert not [finding for finding in made.findings if finding.code == "rounded_tuned"]


def test_the_matrix_of_a_tied_head_is_that_of_both_uses(tiny_llama: Path, tmp_path: Path) -> None:
    keep = KeptInputs(tmp_path / "kept")
    learned = inputs_of(loading(tiny_llama), SEQUENCES, keep, "this", Silent(), matrices=True)
    (matrix,) = keep.of(learned[HEAD].place)
    np.testing.assert_allclose(np.diagonal(np.array(matrix)), np.array(learned[HEAD].moments)[0], rtol=1e-4)
    least = np.linalg.eigvalsh(np.array(matrix, np.float64)).min()
    assert least >= calibrating.LOOKED_UP - 1e-4, "each column of a row that is looked up counts"


def test_the_text_is_as_long_as_the_widest_matrix_needs(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "MATRIX_TOKENS", 512)
    made = converted(workspace, asked(tiny_llama, tmp_path / "made"))
    record = read_record(made.path)
    assert record is not None
    assert record.calibration is not None
    assert record.calibration.tokens == 4 * INNER


def test_the_disk_has_to_hold_what_is_learned_too(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asked(tiny_llama, tmp_path / "made")
    plan = workspace.plan(request)
    keep = KeptInputs(tmp_path / "kept")
    inputs_of(loading(tiny_llama), SEQUENCES, keep, "this", Silent(), matrices=True)
    matrices = sum(file.stat().st_size for file in (tmp_path / "kept").glob("products-*"))
    assert plan.calibration is not None
    answers = 2 * 4 * HIDDEN * plan.calibration.tokens  # of a block, in float32, before those of the last one go
    assert 0.9 * matrices <= plan.learned_disk - answers <= 2 * matrices
    assert not plan.errors
    monkeypatch.setattr(places, "free_disk", lambda path: plan.outputs[0].weight_bytes + plan.learned_disk)
    assert [error.code for error in workspace.plan(request).errors] == ["disk"]
    assert not workspace.plan(replace(request, method="tuned")).errors


def test_layers_that_too_little_text_came_through_are_tuned_and_named(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    text = tmp_path / "mine.txt"
    text.write_text("The quick brown fox jumps over the lazy dog. " * 22)
    made = converted(workspace, asked(tiny_llama, tmp_path / "made", calibration=text))
    (left,) = [finding for finding in made.findings if finding.code == "rounded_tuned"]
    assert "model.layers.0.mlp.down_proj" in left.message
    assert "fewer than 4 tokens for each input" in left.message
    assert "up_proj" not in left.message


def test_very_wide_layers_have_a_matrix_for_each_block_of_columns(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "COLUMNS", INNER // 2)
    keep = KeptInputs(tmp_path / "kept")
    learned = inputs_of(loading(tiny_llama), SEQUENCES, keep, "this", Silent(), matrices=True)
    wide = learned["model.layers.0.mlp.down_proj"]
    first, second = keep.of(wide.place)
    assert first.shape == second.shape == (INNER // 2, INNER // 2)
    diagonal = np.concatenate([np.diagonal(np.array(one)) for one in (first, second)])
    np.testing.assert_allclose(diagonal, np.array(wide.moments)[0], rtol=1e-5)
    made = converted(workspace, asked(tiny_llama, tmp_path / "made"))
    assert "down_proj" not in "".join(finding.message for finding in made.findings)


def test_experts_and_what_is_only_looked_up_have_no_matrix(tmp_path: Path) -> None:
    keep = KeptInputs(tmp_path / "kept")
    learned = inputs_of(tiny(tmp_path, "qwen3_moe"), SEQUENCES, keep, "this", Silent(), matrices=True)
    reasons = {path.rpartition(".")[2]: layer.apart for path, layer in learned.items() if not layer.place}
    assert reasons.keys() == {"gate_proj", "up_proj", "down_proj", "embed_tokens"}
    assert "experts" in reasons["down_proj"]
    assert "looked up" in reasons["embed_tokens"]


def test_experts_that_no_text_reached_are_named(tmp_path: Path) -> None:
    load, keep = tiny(tmp_path, "qwen3_moe"), KeptInputs(tmp_path / "kept")
    learned = inputs_of(load, [[1]], keep, "this", Silent(), matrices=False)
    (path, experts), *_ = [(path, one) for path, one in learned.items() if path.endswith("switch_mlp.up_proj")]
    config = load().config
    assert experts.unseen == config["num_experts"] - config["num_experts_per_tok"] > 0
    kept = keep.inputs("this")
    assert kept is not None
    assert kept[path].unseen == experts.unseen
    rounding = Rounding(Tuned(), learned)
    assert rounding.known(path) is experts
    (finding,) = not_known(rounding)
    assert finding.code == "experts_unseen"
    assert f"up to {experts.unseen} experts saw none of the text" in finding.message
    assert path in finding.message


def test_what_was_learned_is_kept_for_a_conversion_that_goes_on(tiny_llama: Path, tmp_path: Path) -> None:
    load = loading(tiny_llama)
    first = inputs_of(load, SEQUENCES, KeptInputs(tmp_path / "kept"), "this", Silent(), matrices=True)
    keep = KeptInputs(tmp_path / "kept")
    again = keep.inputs("this")
    assert again is not None
    assert {path: replace(one, moments=None) for path, one in again.items()} == {
        path: replace(one, moments=None) for path, one in first.items()
    }
    queries, keys = (again[f"model.layers.0.self_attn.{name}"].place for name in ("q_proj", "k_proj"))
    assert keep.of(queries) is keep.of(keys)
    assert keep.inputs("that") is None


def test_several_outputs_share_one_look(workspace: Workspace, tiny_llama: Path, tmp_path: Path) -> None:
    names = ("3bit-compensated", "4bit-tuned", "4bit")
    text = tmp_path / "mine.txt"
    text.write_text("The quick brown fox jumps over the lazy dog. " * 22)
    outputs = tuple(tmp_path / name for name in names)
    request = ConvertRequest(ref=str(tiny_llama), preset=names, group_size=32, output=outputs, calibration=str(text))
    job = workspace.convert(request, inline=True)
    steps = [event.step for event in job.events() if isinstance(event, StepStarted)]
    models = job.result().models
    assert steps.count("calibrate") == 1
    told = [{finding.code for finding in model.findings} & {"rounded_tuned"} for model in models]
    assert told == [{"rounded_tuned"}, set(), set()]


def test_a_method_is_handed_the_matrices_of_its_layer_only() -> None:
    import mlx.core as mx

    class Shelf:
        def of(self, place: str) -> tuple[Any, ...]:
            return (place,)

    method = Recording()
    method.needs = "matrix"
    moments = mx.ones((1, 32))
    inputs = {
        "known": Inputs(moments, tokens=128, place="here", columns=32),
        "short": Inputs(moments, tokens=127, place="there", columns=32),
        "head": Inputs(moments, tokens=500, apart="a head"),
    }
    rounding = Rounding(method, inputs, Shelf())
    for path in inputs:
        rounding.layer(path, 4)(0, mx.ones((4, 32)), Quantization(bits=4, group_size=32))
    assert method.matrices == {"known": [("here",)]}
    assert rounding.tuned == {"short": "fewer than 4 tokens for each input came through", "head": "a head"}


def test_learning_that_is_cancelled_keeps_nothing_and_ends_what_it_began(tiny_llama: Path, tmp_path: Path) -> None:
    class Leaving(Silent):
        """A reporter of a job that is cancelled at its sixth look."""

        looks = 0

        def check_cancelled(self) -> None:
            self.looks += 1
            if self.looks == 6:
                raise Cancelled("it was cancelled.")

    keep = KeptInputs(tmp_path / "kept")
    with pytest.raises(Cancelled):
        inputs_of(loading(tiny_llama), SEQUENCES, keep, "this", Leaving(), matrices=True)
    assert keep.inputs("this") is None
    assert not [thread for thread in threading.enumerate() if thread.name == "forward"]


@pytest.mark.parametrize("step", ["calibrate", pytest.param("quantize", marks=pytest.mark.slow)])
def test_a_conversion_that_is_cancelled_while_it_learns_or_rounds_leaves_nothing(
    workspace: Workspace, tmp_path: Path, step: str
) -> None:
    source = write_tiny_llama(tmp_path / "source", layers=6)
    job = workspace.convert(asked(source, tmp_path / "out" / "model"))
    next(event for event in job.events() if isinstance(event, Progress) and event.step == step)
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(timeout=120)
    assert not (tmp_path / "out").exists()
