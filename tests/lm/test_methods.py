"""How numbers are rounded: by name, by the layer's inputs, and to nearest wherever there is nothing to go by."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlx_convert_engine.calibrating import inputs_of
from mlx_convert_engine.kept_inputs import KeptInputs
from mlx_convert_engine.tuning.rounding import Inputs, Rounding
from mlx_convert_lm.converter import LmClasses
from toy_methods import Recording, Silent, plugin_of

from mlx_convert_core import (
    ConvertRequest,
    InvalidRequest,
    ModelInfo,
    PluginError,
    Progress,
    Quantization,
    StepStarted,
    Workspace,
)
from mlx_convert_core.plugin import Reporter, SetOption, hookimpl, inspect_folder, read_record, recipe_of


@pytest.fixture
def recorded(tmp_path: Path) -> Any:
    """A workspace with a method that notes what it is handed."""
    method = Recording()
    with Workspace(home=tmp_path / "home", plugins=[plugin_of(method)]) as workspace:
        yield workspace, method


def test_a_method_gets_every_affine_layer_in_rows_and_the_result_is_what_it_made(
    recorded: tuple[Workspace, Recording], tiny_llama: Path, tmp_path: Path
) -> None:
    workspace, method = recorded
    request = ConvertRequest(ref=str(tiny_llama), bits=4, group_size=32, method="recording", output=tmp_path / "out")
    made = workspace.convert(request, inline=True).result().models[0]
    nearest = workspace.convert(replace(request, method=None, output=tmp_path / "nearest"), inline=True).result()
    assert nearest.models[0].weight_bytes == made.weight_bytes
    assert "model.layers.0.mlp.up_proj" in method.rows
    assert "model.embed_tokens" in method.rows
    assert all(sorted(seen) == list(range(len(seen))) for seen in method.rows.values())


def test_fixed_formats_are_rounded_to_nearest_and_the_plan_says_so(
    recorded: tuple[Workspace, Recording], tiny_llama: Path, tmp_path: Path
) -> None:
    workspace, method = recorded
    request = ConvertRequest(ref=str(tiny_llama), preset="mxfp4", method="recording", output=tmp_path / "out")
    made = workspace.convert(request, inline=True).result().models[0]
    assert "method_fixed" in {finding.code for finding in made.findings}
    assert not method.rows


def test_a_method_that_nobody_knows_is_refused_before_anything_is_read(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match="guess") as caught:
        workspace.plan(ConvertRequest(ref=str(tiny_llama), method="guess", output=tmp_path / "out"), exact=False)
    assert caught.value.code == "method"


@pytest.mark.parametrize(("fault", "told"), [("two arrays", "gave 2 arrays"), ("raise", "ZeroDivisionError")])
def test_a_method_at_fault_is_named(
    recorded: tuple[Workspace, Recording], tiny_llama: Path, tmp_path: Path, fault: str, told: str
) -> None:
    workspace, method = recorded
    method.fault = fault
    request = ConvertRequest(ref=str(tiny_llama), bits=4, group_size=32, method="recording", output=tmp_path / "out")
    with pytest.raises(PluginError, match=f"quantize_method.*{told}"):
        workspace.convert(request, inline=True).result()
    assert not (tmp_path / "out").exists()


def test_files_that_are_read_twice_are_not_discarded(tiny_llama: Path, tmp_path: Path) -> None:
    class Remote:
        """A source whose files may be deleted after their use."""

        def inspect(self) -> ModelInfo:
            return replace(inspect_folder(tiny_llama, ref="far:tiny"), fetch_window=2)

        def fetch(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
            return tiny_llama

    class Plugin:
        @hookimpl
        def model_source(self, ref: str) -> Remote | None:
            return Remote() if ref == "far:tiny" else None

    method = Recording()
    method.needs = "moments"
    request = ConvertRequest(
        ref="far:tiny", bits=4, group_size=32, method="recording", discard_source=True, output=tmp_path / "out"
    )
    with Workspace(home=tmp_path / "home", plugins=[plugin_of(method), Plugin()]) as workspace:
        plan = workspace.plan(request, exact=False)
    (error,) = plan.errors
    assert error.code == "calibrate_discard"
    assert SetOption("method", "nearest") in error.remedies


def tuned(source: Path, output: Path, **options: Any) -> ConvertRequest:
    return ConvertRequest(ref=str(source), bits=4, group_size=32, method="tuned", output=output, **options)


def test_tuned_layers_fit_their_inputs_better_in_the_same_bytes_and_the_same_text_gives_the_same_bits(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    job = workspace.convert(tuned(tiny_llama, tmp_path / "one"), inline=True)
    news = [event for event in job.events() if isinstance(event, Progress) and event.step == "calibrate"]
    one = job.result().models[0]
    two = workspace.convert(tuned(tiny_llama, tmp_path / "two"), inline=True).result().models[0]
    plain = replace(tuned(tiny_llama, tmp_path / "nearest"), method="nearest")
    nearest = workspace.convert(plain, inline=True).result().models[0]
    assert news[-1].done == news[-1].total > 0
    assert one.weight_bytes == nearest.weight_bytes
    weights = [(model.path / "model.safetensors").read_bytes() for model in (one, two, nearest)]
    assert weights[0] == weights[1] != weights[2]
    record = read_record(one.path)
    assert record is not None
    assert record.recipe["method"] == "tuned"
    assert record.calibration is not None
    assert record.calibration.origin.startswith("bundled")
    assert record.calibration.sha256[:16] in (one.path / "README.md").read_text()
    assert recipe_of(one.path, str)["outputs"][0]["method"] == "tuned"
    errors = [error_of(model.path, tiny_llama, "model.layers.1.mlp.up_proj") for model in (one, nearest)]
    assert errors[0] < 0.9 * errors[1]


def error_of(folder: Path, source: Path, layer: str) -> float:
    """The mean square error of a layer's answers to inputs as its own block makes them, from random tokens."""
    import mlx.core as mx
    from mlx_lm.utils import load_model

    model, _ = load_model(source)
    model.set_dtype(mx.float32)
    block = model.model.layers[1]
    h = model.model.embed_tokens(mx.array([list(range(3, 67))]))
    h = model.model.layers[0](h, "causal", None)
    h = h + block.self_attn(block.input_layernorm(h), "causal", None)
    x = block.post_attention_layernorm(h)
    made = mx.load(str(folder / "model.safetensors"))
    packed = (made[f"{layer}.{name}"] for name in ("weight", "scales", "biases"))
    words, scales, biases = packed
    weight = mx.dequantize(words, scales.astype(mx.float32), biases.astype(mx.float32), group_size=32, bits=4)
    return float(mx.mean(mx.square(block.mlp.up_proj(x) - x @ weight.T)).item())


def test_a_text_of_ones_own_is_taken_and_named_by_its_hash(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    text = tmp_path / "mine.txt"
    text.write_text("The quick brown fox jumps over the lazy dog. " * 200)
    request = tuned(tiny_llama, tmp_path / "out", calibration=text)
    made = workspace.convert(request, inline=True).result().models[0]
    record = read_record(made.path)
    assert record is not None
    assert record.calibration is not None
    assert (record.calibration.origin, record.calibration.sha256) == (
        "mine.txt",
        hashlib.sha256(text.read_bytes()).hexdigest(),
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"short", "are needed"), (b"\xff\xfe" * 400, "UTF-8"), (None, "can't read")],
)
def test_a_text_that_teaches_nothing_is_refused(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, content: bytes | None, told: str
) -> None:
    text = tmp_path / "mine.txt"
    if content is not None:
        text.write_bytes(content)
    with pytest.raises(InvalidRequest, match=told) as caught:
        workspace.convert(tuned(tiny_llama, tmp_path / "out", calibration=text), inline=True).result()
    assert caught.value.code == "calibration"
    assert not (tmp_path / "out").exists()


def test_several_outputs_share_one_look_at_the_inputs(workspace: Workspace, tiny_llama: Path, tmp_path: Path) -> None:
    request = ConvertRequest(
        ref=str(tiny_llama),
        preset=("3bit", "4bit"),
        group_size=32,
        method="tuned",
        output=(tmp_path / "three", tmp_path / "four"),
    )
    job = workspace.convert(request, inline=True)
    steps = [event.step for event in job.events() if isinstance(event, StepStarted)]
    assert len(job.result().models) == 2
    assert steps.count("calibrate") == 1


def test_what_was_learned_of_inputs_is_kept_for_a_conversion_that_goes_on(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = inspect_folder(tiny_llama, ref="tiny")
    load = partial(LmClasses(trust_remote_code=False).load, tiny_llama, model)
    sequences = [list(range(3, 50))]
    first = inputs_of(load, sequences, KeptInputs(tmp_path / "kept"), "this", Silent(), matrices=False)
    monkeypatch.setattr("mlx_convert_engine.forward.statistics.collect", lambda *args, **options: iter(()))
    again = inputs_of(load, sequences, KeptInputs(tmp_path / "kept"), "this", Silent(), matrices=False)
    assert first.keys() == again.keys()
    assert all(np.array_equal(np.array(first[path].moments), np.array(again[path].moments)) for path in first)
    assert inputs_of(load, sequences, KeptInputs(tmp_path / "kept"), "that", Silent(), matrices=False) == {}


def test_each_row_of_a_stack_is_rounded_by_the_inputs_of_its_expert() -> None:
    import mlx.core as mx

    method = Recording()
    method.needs = "moments"
    moments = mx.array([[1.0] * 32, [2.0] * 32, [0.0] * 32])
    rounding = Rounding(method, {"experts": Inputs(moments[:2]), "silent": Inputs(moments)})
    numbers = Quantization(bits=4, group_size=32)
    rounding.layer("experts", 4)(2, mx.ones((4, 32)), numbers)
    rounding.layer("experts", 4)(4, mx.ones((4, 32)), numbers)
    rounding.layer("silent", 4)(0, mx.ones((4, 32)), numbers)
    rounding.layer("unseen", 4)(0, mx.ones((4, 32)), numbers)
    across, within = method.moments["experts"]
    assert across[:, 0].tolist() == [1, 1, 2, 2]
    assert within.tolist() == [2.0] * 32
    assert rounding.unknown.keys() == {"silent", "unseen"}
