"""What was verified is said after a conversion, in the library and in JSON, for as long as it is true of the files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from samples.decided import change, write_decided_llama

Run = Callable[..., Result]
pytestmark = pytest.mark.usefixtures("verifying")
WORDS = (
    "Verified: 21 of 21 tensors as planned, loads, answers 16 tokens, finite logits, tokenizer round trip,"
    " end of answers known"
)


@pytest.fixture
def decided(tmp_path: Path) -> Path:
    return write_decided_llama(tmp_path / "decided")


def test_the_line_after_a_conversion_holds_while_the_files_do(run: Run, decided: Path, tmp_path: Path) -> None:
    ended = run("convert", decided, "--preset", "bf16", "-o", "out")
    assert ended.exit_code == 0, ended.stderr
    assert WORDS in ended.stderr
    assert WORDS.removeprefix("Verified: ") in run("library", "show", "out").stdout
    assert json.loads(run("library", "list", "--json").stdout)[0]["verified"] == WORDS.partition(": ")[2].split(", ")
    settings = tmp_path / "out" / "tokenizer_config.json"
    settings.write_text(settings.read_text() + " ")
    assert "verified" not in run("library", "show", "out").stdout
    assert json.loads(run("library", "show", "out", "--json").stdout)["verified"] == []


def test_it_can_be_left_out_and_a_recipe_carries_that(run: Run, decided: Path, tmp_path: Path) -> None:
    ended = run("convert", decided, "--preset", "bf16", "-o", "out", "--no-verify", "--json")
    finished = json.loads(ended.stdout.splitlines()[-1])
    assert finished["result"]["models"][0]["verification"] is None
    (tmp_path / "recipe.json").write_text('{"verify": false, "outputs": [{"preset": "bf16"}]}')
    ended = run("convert", decided, "--recipe", "recipe.json", "-o", "again")
    assert ended.exit_code == 0, ended.stderr
    assert "erified" not in ended.stderr


def test_a_model_that_computes_no_numbers_is_refused_with_commands_to_paste(run: Run, decided: Path) -> None:
    change(decided, "model.layers.1.mlp.down_proj.weight", lambda values: values * 0 + 3e38)
    ended = run("convert", decided, "-p", "4bit", "-o", "out")
    assert ended.exit_code == 1
    assert "error [nan_logits]" in ended.stderr
    assert f"mlx-convert convert {decided} -p 4bit -o out --bits 6" in ended.stderr
    assert f"mlx-convert convert {decided} -p 4bit -o out --no-verify" in ended.stderr
