"""`convert` and `plan`: what they make, print and refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import OutputPlan

Run = Callable[..., Result]


def test_convert_makes_a_folder_and_names_it_on_standard_output(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    ended = run("convert", tiny_llama, "--preset", "8bit", "--output", "out")
    assert ended.exit_code == 0
    assert ended.stdout == f"{tmp_path / 'out'}\n"
    assert (tmp_path / "out" / "model.safetensors").is_file()


def test_convert_ends_with_figures_and_the_next_command(run: Run, tiny_llama: Path) -> None:
    talk = run("convert", tiny_llama, "--preset", "8bit", "--output", "my out").stderr
    assert "quantize, write: " in talk
    assert "check: " in talk
    assert "bits per weight" in talk
    assert "8.5" in talk
    assert talk.endswith("Try it:  mlx-convert generate './my out' \"What is the capital of France?\"\n")


def test_the_default_output_is_below_the_models_folder(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    ended = run("convert", tiny_llama)
    assert ended.stdout == f"{tmp_path / 'models' / 'tiny-llama-MLX-4bit'}\n"


def test_several_presets_make_several_folders(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    ended = run("convert", tiny_llama, "-p", "4bit", "-p", "bf16", "-o", "small", "-o", "whole")
    assert ended.stdout.splitlines() == [str(tmp_path / "small"), str(tmp_path / "whole")]
    assert "quantization" in json.loads((tmp_path / "small" / "config.json").read_text())
    assert "quantization" not in json.loads((tmp_path / "whole" / "config.json").read_text())


def test_numbers_over_a_preset_are_called_what_they_make(run: Run, tiny_llama: Path) -> None:
    planned = run("plan", tiny_llama, "--bits", "3")
    assert ("3bit" in planned.stderr + planned.stdout, "4bit" in planned.stderr + planned.stdout) == (True, False)
    ended = run("convert", tiny_llama, "--preset", "4bit", "--bits", "3", "--output", "made")
    assert ("3bit" in ended.stderr, "4bit" in ended.stderr) == (True, False)
    assert ("3bit" in run("library", "show", "made").stdout, "4bit" in run("library", "show", "made").stdout) == (
        True,
        False,
    )
    card = Path("made/README.md").read_text()
    assert "3bit, 3 bits" in card
    assert "preset 4bit" not in card
    again = json.loads(run("recipe", "export", "made").stdout)["outputs"]
    assert (again[0]["preset"], again[0]["bits"]) == ("4bit", 3)  # as it was asked for


def test_with_json_every_line_is_an_event_and_the_last_has_the_result(run: Run, tiny_llama: Path) -> None:
    ended = run("convert", tiny_llama, "--json", "--output", "out")
    assert ended.exit_code == 0
    assert ended.stderr == ""
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert events[0]["event"] == "JobStarted"
    assert {"StepStarted", "Progress", "StepFinished"} <= {event["event"] for event in events}
    assert [event["event"] for event in events].count("JobFinished") == 1
    assert events[-1]["event"] == "JobFinished"
    assert events[-1]["result"]["models"][0]["path"].endswith("/out")


def test_with_json_a_failed_job_ends_with_its_error(run: Run, tiny_llama: Path) -> None:
    (tiny_llama / "model.safetensors").write_bytes(b"")
    ended = run("convert", tiny_llama, "--json")
    assert ended.exit_code == 1
    last = json.loads(ended.stdout.splitlines()[-1])
    assert last["event"] == "JobFailed"
    assert last["error"]["code"]
    assert ended.stdout.count("error") == ended.stdout.splitlines()[-1].count("error")


def test_an_output_that_exists_is_kept_and_force_is_named(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    write_mlx_folder(tmp_path / "out")
    ended = run("convert", tiny_llama, "--output", "out", input="y\n")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("error [exists]: ")
    assert "--force" in ended.stderr
    assert (tmp_path / "out" / "LICENSE").read_text() == "precious"


def test_force_replaces_an_output_and_says_what_goes(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    write_mlx_folder(tmp_path / "out")
    ended = run("convert", tiny_llama, "--output", "out", "--force")
    assert ended.exit_code == 0
    assert "/out will be replaced: unquantized, made 20" in ended.stderr
    assert ": LICENSE, config.json and 1 weight file." in ended.stderr
    assert not (tmp_path / "out" / "LICENSE").exists()
    assert (tmp_path / "out" / "config.json").exists()


def test_at_a_terminal_a_person_is_asked_and_the_default_is_no(
    terminal: Callable[..., Any], tiny_llama: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    program = terminal("convert", tiny_llama, "--output", "out")
    program.expect("Replace it? [y/N]")
    program.type("\n")
    assert program.wait() == 1
    assert "error [exists]" in program.text
    assert list((tmp_path / "out").iterdir()) == []


def test_at_a_terminal_yes_replaces_the_output(terminal: Callable[..., Any], tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    program = terminal("convert", tiny_llama, "--output", "out")
    program.expect("Replace it? [y/N]")
    program.type("y\n")
    program.expect("Try it:  mlx-convert generate ./out")
    assert program.wait() == 0
    assert (tmp_path / "out" / "config.json").exists()


@pytest.mark.parametrize("columns", [50, 80])
def test_a_narrow_terminal_gets_the_folders_in_a_table_of_their_own(
    terminal: Callable[..., Any], tiny_llama: Path, columns: int
) -> None:
    program = terminal("plan", tiny_llama, "-p", "4bit", "-p", "mixed_4_6", "--estimate", columns=columns)
    assert program.wait() == 0
    assert re.search(r"^4bit +models/tiny-llama-MLX-4bit *$", program.text, re.MULTILINE)
    assert max(len(line) for line in program.text.splitlines()) <= columns


def test_at_a_terminal_no_line_is_wider_than_it(terminal: Callable[..., Any], tiny_llama: Path) -> None:
    program = terminal("convert", tiny_llama, "-p", "8bit", "-p", "mixed_4_6", columns=80)
    assert program.wait() == 0
    assert "✓ quantize, write" in program.text
    assert "✓ check" in program.text
    lines = [line.rstrip() for line in program.text.splitlines() if not line.startswith("Try it:")]  # one to copy
    assert max(map(len, lines)) <= 80
    assert program.text.splitlines()[-1].endswith('"What is the capital of France?"')


def test_a_preset_made_for_a_model_needs_no_ref(
    run: Run, tiny_llama: Path, add_plugin: Callable[[str, str], None]
) -> None:
    add_plugin("own", _preset("mine", tiny_llama) + _preset("other", "elsewhere"))
    plan = _plan(run("plan", "--preset", "mine", "--json"))
    assert plan["model"]["ref"] == str(tiny_llama)
    assert [output["preset"] for output in plan["outputs"]] == ["mine"]
    ended = run("plan", "--preset", "mine", "--preset", "other")
    assert ended.exit_code == 2
    assert "made for different models: mine, other" in ended.stderr


def test_a_misspelt_preset_is_told_so_also_without_a_ref(run: Run) -> None:
    ended = run("convert", "--preset", "lfm2-1.2b-rga")
    assert ended.exit_code == 2
    assert "Did you mean lfm2-1.2b-rag?" in ended.stderr


def test_a_dry_run_is_the_plan_and_writes_nothing(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    dry = run("convert", tiny_llama, "--dry-run")
    assert dry.exit_code == 0
    assert _same(dry.stdout) == _same(run("plan", tiny_llama).stdout)
    assert not (tmp_path / "models").exists()


def test_a_plan_says_ready_with_sizes_memory_and_disk(run: Run, tiny_llama: Path) -> None:
    shown = run("plan", tiny_llama, "-p", "4bit", "-p", "8bit").stdout
    assert shown.startswith("tiny-llama · llama · ")
    assert shown.endswith("\nReady.\n")
    assert "estimate" not in shown
    for word in ("4bit", "8bit", "bits per weight", "disk", "memory", "models/tiny-llama-MLX-8bit"):
        assert word in shown


def test_a_planned_size_is_what_is_written(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    plan = _plan(run("plan", tiny_llama, "--json"))
    assert plan["ready"]
    assert plan["exact"]
    run("convert", tiny_llama, "--output", "out")
    fit = plan["outputs"][0]["fit"]
    assert (fit["verdict"], fit["weights"]) == ("runs", plan["outputs"][0]["weight_bytes"])
    assert plan["outputs"][0]["weight_bytes"] == (tmp_path / "out" / "model.safetensors").stat().st_size


def test_an_estimate_needs_no_worker_and_says_that_it_is_one(run: Run, tiny_llama: Path) -> None:
    assert "size (estimate)" in run("plan", tiny_llama, "--estimate").stdout
    assert not _plan(run("plan", tiny_llama, "--estimate", "--json"))["exact"]


def test_a_plan_that_is_refused_ends_with_1_and_the_next_step(run: Run, tiny_llama: Path) -> None:
    config = tiny_llama / "config.json"
    config.write_text(config.read_text().replace('"llama"', '"vit"'))
    ended = run("plan", tiny_llama)
    assert ended.exit_code == 1
    assert "error [arch]: tiny-llama uses model type 'vit'" in ended.stdout
    assert "\n  next: " in ended.stdout
    assert ended.stdout.endswith("This can't be converted as it is.\n")
    refused = run("plan", tiny_llama, "--json")
    assert refused.exit_code == 1
    assert not json.loads(refused.stdout)["ready"]


def test_json_of_a_plan_names_every_field_of_an_output(run: Run, tiny_llama: Path) -> None:
    output = _plan(run("plan", tiny_llama, "--estimate", "--json"))["outputs"][0]
    fields = {name for name in OutputPlan.__slots__ if not name.startswith("_")}
    assert set(output) == fields - {"tensors"} | {"bits_per_weight", "fit"}


def test_library_show_looks_into_the_model(run: Run, tiny_llama: Path) -> None:
    run("convert", tiny_llama, "--output", "out", "--no-verify")
    shown = run("library", "show", "out").stdout
    assert re.search(r"fits here +Runs here\. It takes about", shown)
    assert re.search(r"model\.layers\.\*\.self_attn\.q_proj +[\d.]+ kB +4 bit, group 64", shown), shown
    found = json.loads(run("library", "show", "out", "--json").stdout)
    assert (found["name"], found["recipe"]["preset"], found["fit"]["verdict"]) == ("out", "4bit", "runs")
    assert sum(layer["nbytes"] for layer in found["layers"]) == found["fit"]["weights"]
    assert {file["name"]: file["state"] for file in found["files"]}["model.safetensors"] == "same"


def _plan(ended: Result) -> dict[str, Any]:
    assert ended.exit_code == 0, ended.output
    plan: dict[str, Any] = json.loads(ended.stdout)
    return plan


def _same(plan: str) -> list[str]:
    """The lines that don't change from one moment to the next."""
    return [line for line in plan.splitlines() if " free" not in line]


def _preset(name: str, ref: object) -> str:
    return f"""
from mlx_convert_core import Preset, Quantization
from mlx_convert_core.plugin import hookimpl

class {name}:
    pass

_presets = [*globals().get("_presets", []), Preset(
    name={name!r}, title="T", summary="S.", ref={str(ref)!r}, quantization=Quantization(bits=4)
)]

@hookimpl
def register_presets():
    return _presets
"""
