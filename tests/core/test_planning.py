"""A request becomes outputs with names and numbers, before anything heavy is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlx_convert_core import ConvertPlan, ConvertRequest, InvalidRequest, OutputPlan, Quantization, Workspace
from mlx_convert_core.running.process import WorkerProcess


def outputs(source: Path, **options: Any) -> tuple[OutputPlan, ...]:
    with Workspace() as workspace:
        return workspace.plan(ConvertRequest(ref=str(source), **options), exact=False).outputs


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "tiny-llama-MLX-4bit"),
        ({"preset": "8bit"}, "tiny-llama-MLX-8bit"),
        ({"preset": "bf16"}, "tiny-llama-MLX-bf16"),
        ({"preset": "mixed_4_6"}, "tiny-llama-MLX-mixed_4_6"),
        ({"preset": "mxfp4"}, "tiny-llama-MLX-mxfp4"),
        ({"bits": 5}, "tiny-llama-MLX-5bit"),
        ({"bits": 4}, "tiny-llama-MLX-4bit"),
        ({"bits": 6, "group_size": 32}, "tiny-llama-MLX-6bit-g32"),
        ({"mode": "nvfp4"}, "tiny-llama-MLX-nvfp4"),
        ({"preset": "bf16", "dtype": "float16"}, "tiny-llama-MLX-float16"),
        ({"strategy": "mixed_3_6"}, "tiny-llama-MLX-mixed_3_6"),
    ],
)
def test_the_folders_name_says_what_is_in_it(tiny_llama: Path, options: dict[str, Any], name: str) -> None:
    (output,) = outputs(tiny_llama, **options)
    assert output.path.name == name
    assert output.path.is_absolute()


def test_numbers_of_the_request_lie_over_the_presets(tiny_llama: Path) -> None:
    (output,) = outputs(tiny_llama, preset="4bit", group_size=32)
    assert output.quantization == Quantization(bits=4, group_size=32)
    (output,) = outputs(tiny_llama, preset="4bit", mode="mxfp8")
    assert output.quantization == Quantization(bits=8, group_size=32, mode="mxfp8")
    (output,) = outputs(tiny_llama, preset="bf16", bits=3)
    assert output.quantization == Quantization(bits=3)


def test_a_presets_strategy_holds_only_for_its_own_numbers(tiny_llama: Path) -> None:
    assert outputs(tiny_llama, preset="mixed_4_6")[0].strategy == "mixed_4_6"
    assert outputs(tiny_llama, preset="mixed_4_6", bits=8)[0].strategy is None


def test_several_presets_have_folders_of_their_own(tiny_llama: Path, tmp_path: Path) -> None:
    both = outputs(tiny_llama, preset=("4bit", "8bit"))
    assert [output.path.name for output in both] == ["tiny-llama-MLX-4bit", "tiny-llama-MLX-8bit"]
    named = outputs(tiny_llama, preset=("4bit", "8bit"), output=(tmp_path / "a", tmp_path / "b"))
    assert [output.path for output in named] == [tmp_path / "a", tmp_path / "b"]


def test_an_unknown_preset_is_refused_with_the_nearest(tiny_llama: Path) -> None:
    with pytest.raises(InvalidRequest, match="no preset '4bits'") as caught:
        outputs(tiny_llama, preset="4bits")
    assert caught.value.code == "preset"
    assert "Did you mean 4bit?" in caught.value.hint


def test_an_estimate_is_near_what_the_worker_finds(tiny_llama: Path) -> None:
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(tiny_llama), preset=("4bit", "8bit", "bf16", "mxfp4"))
        rough, exact = (workspace.plan(request, exact=exactly) for exactly in (False, True))
    assert exact.exact
    assert not rough.exact
    for guessed, found in zip(rough.outputs, exact.outputs, strict=True):
        assert guessed.weight_bytes == pytest.approx(found.weight_bytes, rel=0.05)
        assert guessed.parameters == found.parameters
    assert exact.outputs[1].bits_per_weight == pytest.approx(8.5, abs=0.2)


def test_the_tensors_of_the_source_do_not_come_back_from_the_worker(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be hundreds of thousands, and whoever asked has them."""
    answers: list[ConvertPlan] = []
    run = WorkerProcess.run
    monkeypatch.setattr(WorkerProcess, "run", lambda *given: answers.append(run(*given)) or answers[-1])
    with Workspace() as workspace:
        model = workspace.inspect(str(tiny_llama))
        plan = workspace.plan(ConvertRequest(ref=str(tiny_llama), output=tmp_path / "out"))
    [answer] = answers
    assert (answer.model.tensors, plan.model, plan.outputs) == ((), model, answer.outputs)


def test_dots_in_an_output_are_followed_before_anything_is_done(tiny_llama: Path, tmp_path: Path) -> None:
    (output,) = outputs(tiny_llama, output=str(tmp_path / "new" / ".." / "model"))
    assert output.path == (tmp_path / "model").resolve()
    with Workspace() as workspace:
        plan = workspace.plan(ConvertRequest(ref=str(tiny_llama), output=str(tmp_path / "new" / "..")), exact=False)
    assert "not_replaceable" in {finding.code for finding in plan.errors}
