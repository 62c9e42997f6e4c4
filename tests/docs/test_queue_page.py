"""The examples of docs/queue-and-recipes.md are run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pages import ROOT, blocks, sections

from mlx_convert_core.plugin import read_recipe

PAGE = sections(ROOT / "docs" / "queue-and-recipes.md")


def test_the_python_example_drains_the_queue(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = blocks(PAGE["The queue"], "python")
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text.replace("path/to/checkpoint", str(tiny_llama)), "queue-and-recipes.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "JobFinished" in shown
    assert "JobState.FINISHED" in shown
    assert "tiny-llama-MLX-8bit" in shown


def test_the_recipe_is_the_example(tmp_path: Path) -> None:
    (block,) = blocks(PAGE["Recipes"], "json")
    assert json.loads(block.text) == json.loads((ROOT / "examples" / "recipe.json").read_text())
    (tmp_path / "recipe.json").write_text(block.text)
    assert read_recipe(tmp_path / "recipe.json").presets == ("4bit", "8bit")
