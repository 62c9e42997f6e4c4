"""Recipes on the command line: made from a model, shown, and converted by."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

Run = Callable[..., Result]


def _write(folder: Path, recipe: Any) -> str:
    (folder / "recipe.json").write_text(recipe if isinstance(recipe, str) else json.dumps(recipe))
    return "recipe.json"


def test_a_recipe_makes_the_model_again(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    assert run("convert", tiny_llama, "--bits", 6, "--group-size", 32, "--output", "six").exit_code == 0
    exported = run("recipe", "export", tmp_path / "six", "--output", "recipe.json")
    assert exported.exit_code == 0, exported.stderr
    assert "does not name it" in exported.stderr
    assert str(tmp_path) not in (tmp_path / "recipe.json").read_text()
    again = run("convert", tiny_llama, "--recipe", "recipe.json")
    assert again.exit_code == 0, again.stderr
    made = tmp_path / "models" / "tiny-llama-MLX-6bit-g32"
    assert (made / "config.json").read_bytes() == (tmp_path / "six" / "config.json").read_bytes()


def test_a_recipe_of_a_preset_leads_to_the_preset_s_folder(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    for preset in ("mixed_4_6", "bf16"):
        recipe = _write(tmp_path, run("recipe", "export", _converted(run, tiny_llama, preset), "--json").stdout)
        plan = run("plan", tiny_llama, "--recipe", recipe, "--estimate", "--json")
        assert Path(json.loads(plan.stdout)["outputs"][0]["path"]).name == f"tiny-llama-MLX-{preset}"


def test_several_outputs_need_one_recipe(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    recipe = _write(tmp_path, {"outputs": [{"preset": "4bit"}, {"preset": "8bit"}]})
    plan = json.loads(run("plan", tiny_llama, "--recipe", recipe, "--estimate", "--json").stdout)
    assert [output["preset"] for output in plan["outputs"]] == ["4bit", "8bit"]


def test_options_win_over_a_recipe(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    recipe = _write(tmp_path, {"ref": "else/where", "revision": "main", "outputs": [{"bits": 6, "group_size": 32}]})
    plan = json.loads(run("plan", tiny_llama, "--recipe", recipe, "--bits", "3", "--estimate", "--json").stdout)
    assert plan["outputs"][0]["quantization"] == {"bits": 3, "group_size": 32, "mode": "affine"}


def test_a_recipe_with_a_mistake_is_refused_by_name(run: Run, tmp_path: Path) -> None:
    for wrong, said in (
        ({"ref": "a/b", "bitz": 4}, "unknown fields: bitz"),
        ({"ref": "a/b", "outputs": [{}, {"bit": 4, "gruop": 1}]}, "unknown fields: outputs[1]: bit, gruop"),
        ({"ref": "a/b", "outputs": [{"bits": "four"}]}, "$.outputs[0].bits"),
        ({"ref": "a/b", "outputs": [{"bits": 7}]}, "7 bits"),
        ({"ref": "a/b", "outputs": []}, "no outputs"),
        ({"ref": "a/b", "output": "/etc"}, "A recipe holds no folder"),
        ({"ref": "a/b", "trust_remote_code": True}, "no permission"),
        ({"schema": 2}, "A newer mlx-convert reads it"),
        ({"mlx_convert": "record"}, "no recipe"),
        ({}, "no model was named"),
        ("[1]", "not a JSON object"),
        ("{", "not JSON"),
    ):
        ended = run("convert", "--recipe", _write(tmp_path, wrong))
        assert ended.exit_code == 2, wrong
        assert said in ended.stderr
    ended = run("convert", "--recipe", "lost.json")
    assert (ended.exit_code, "error [no_file]" in ended.stderr) == (1, True)


def test_show_says_what_a_recipe_makes(run: Run) -> None:
    example = Path(__file__).parents[2] / "examples" / "recipe.json"
    shown = run("recipe", "show", example)
    assert shown.exit_code == 0, shown.stderr
    recipe = json.loads(run("recipe", "show", example, "--json").stdout)
    for said in (recipe["ref"], *(output["preset"] for output in recipe["outputs"]), "mlx-convert convert --recipe"):
        assert said in shown.output


def test_only_models_that_were_made_here_have_a_recipe(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    foreign = shutil.copytree(tiny_model, tmp_path / "foreign")
    (foreign / "mlx_convert.json").unlink()
    ended = run("recipe", "export", foreign)
    assert ended.exit_code == 1
    assert ended.stderr.startswith("error [no_recipe]: foreign does not say how it was made")


def _converted(run: Run, source: Path, preset: str) -> Path:
    ended = run("convert", source, "--preset", preset, "--output", f"of-{preset}")
    assert ended.exit_code == 0, ended.stderr
    return Path.cwd() / f"of-{preset}"


def test_a_recipe_that_is_run_with_another_text_says_so(run: Run, tiny_llama: Path) -> None:
    text = Path("own.txt")
    text.write_text("A small model answers badly, but it answers at once. " * 100)
    asked = ("--bits", "4", "--group-size", "32", "--method", "tuned")
    ended = run("convert", tiny_llama, *asked, "--calibration", text, "--output", "made", "--no-verify")
    assert ended.exit_code == 0, ended.stderr
    run("recipe", "export", "made", "--output", "recipe.json")
    assert "sha256 " in run("recipe", "show", "recipe.json").stdout
    again = ("plan", tiny_llama, "--recipe", "recipe.json")
    same = run(*again, "--calibration", text)
    assert same.exit_code == 0, same.stderr
    assert "another text" not in same.stdout + same.stderr
    assert "another text than bundled text" in " ".join((run(*again).stdout + run(*again).stderr).split())
    text.write_text("Another one, of which nothing was said. " * 100)
    changed = run(*again, "--calibration", text)
    assert "another text than own.txt" in " ".join((changed.stdout + changed.stderr).split())
