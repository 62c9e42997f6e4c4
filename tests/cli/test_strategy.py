"""Bits for each layer, from the command line: recipes by name, and maps typed or in a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
MAP = {"embed_tokens|lm_head": 8, r"layers\.0\.": {"bits": 6, "group_size": 32}, "down_proj": None}


def bits(folder: Path) -> dict[str, int]:
    """The bits of each layer that differs from the default, and the default as ""."""
    quantization = json.loads((folder / "config.json").read_text())["quantization"]
    own = {path: numbers["bits"] for path, numbers in quantization.items() if isinstance(numbers, dict)}
    return {"": quantization["bits"], **own}


def test_a_map_in_a_file_decides_every_layer(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "bits.json").write_text(json.dumps(MAP, indent=2))
    done = run("convert", tiny_llama, "--bits", 4, "--strategy", "map:bits.json")
    assert done.exit_code == 0, done.stderr
    found = bits(tmp_path / "models" / "tiny-llama-MLX-4bit-mixed")
    assert found[""] == 4
    assert found["model.embed_tokens"] == 8
    assert found["model.layers.0.mlp.down_proj"] == 6
    assert not any("layers.1" in path for path in found)
    typed = run("convert", tiny_llama, "--bits", 4, "--strategy", f"map:{json.dumps(MAP)}", "--output", "typed")
    assert typed.exit_code == 0, typed.stderr
    assert bits(tmp_path / "typed") == found


def test_a_recipe_is_named(run: Run, tiny_llama: Path, tmp_path: Path) -> None:
    plan = run("plan", tiny_llama, "--bits", 3, "--strategy", "mixed_3_6", "--estimate", "--json")
    assert Path(json.loads(plan.stdout)["outputs"][0]["path"]).name.endswith("mixed_3_6")


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        ("map:missing.json", "missing.json can't be read"),
        ("map:broken.json", "not JSON"),
        ('map:{"(": 4}', "no regular expression"),
        ('map:{"lm_head": 7}', "7 bits"),
        ('map:{"lm_head": {"bit": 4}}', "lm_head"),
        ("map:[]", "no object"),
        ("map:", "not JSON"),
        ("mixed_9_9", "mixed_9_9"),
    ],
)
def test_a_bad_strategy_is_refused_with_a_next_step(
    run: Run, tiny_llama: Path, tmp_path: Path, strategy: str, told: str
) -> None:
    (tmp_path / "broken.json").write_text('{"lm_head": 8')
    done = run("convert", tiny_llama, "--bits", 4, "--strategy", strategy)
    assert done.exit_code != 0
    assert told in " ".join(done.stderr.split())
    assert "next" in done.stderr
    assert not (tmp_path / "models").exists()


def test_a_divergence_is_an_option_of_its_own_and_what_is_none_is_refused(run: Run, tiny_llama: Path) -> None:
    plan = run("plan", tiny_llama, "--max-kl", 0.05, "--estimate", "--json")
    (output,) = json.loads(plan.stdout)["outputs"]
    assert output["strategy"] == "kl:0.05"
    wrong = run("plan", tiny_llama, "--max-kl", "close")
    assert wrong.exit_code == 2
    assert "mlx-convert plan" in wrong.stderr
    assert "--max-kl 0.05" in wrong.stderr
    both = run("plan", tiny_llama, "--max-kl", 0.05, "--bpw", 4)
    assert both.exit_code == 2
    assert "--bpw and --max-kl each say" in both.stderr
