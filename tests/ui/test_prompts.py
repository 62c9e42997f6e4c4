"""The example prompts of the UI are those in examples/example_prompts.json, word for word."""

from __future__ import annotations

import json
from pathlib import Path

from mlx_convert_ui.widgets.prompts import EXAMPLE_PROMPTS, TITLES

FILE = Path(__file__).parents[2] / "examples" / "example_prompts.json"


def test_the_example_prompts_are_those_of_the_file() -> None:
    prompts = json.loads(FILE.read_text(encoding="utf-8"))
    assert list(EXAMPLE_PROMPTS.items()) == list(prompts.items())
    assert list(TITLES) == list(prompts)
