"""What tells models apart, and what is marked where their answers part."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from mlx_convert_ui.state.comparisons import marked_at
from mlx_convert_ui.state.naming import differing


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["Llama-3.2-1B-MLX-4bit", "Llama-3.2-1B-MLX-8bit"], ["4bit", "8bit"]),
        (["Llama-3.2-1B-MLX-4bit", "Qwen-3B-MLX-4bit"], ["Llama-3.2-1B", "Qwen-3B"]),
        (["A-1-4bit", "A-2-8bit", "A-1-8bit"], ["1-4bit", "2-8bit", "1-8bit"]),
        (["model", "model-4bit"], ["model", "model-4bit"]),
        (["same-4bit", "same-4bit", "same-8bit"], ["4bit", "4bit", "8bit"]),
        (["one", "one"], ["one", "one"]),
    ],
)
def test_of_a_name_is_shown_what_the_others_do_not_have(names: list[str], shown: list[str]) -> None:
    assert differing(names) == shown


@pytest.mark.parametrize(
    ("chunks", "place", "marked"),
    [
        (["A ", "city", " of", " light"], 6, "of"),
        (["A ", "city", ", ", "mysterious", " and old"], 6, "mysterious"),
        (["**", "Bold", "** words"], 0, "Bold"),
        (["A ", "city", "."], 6, ""),
        (["A "], 2, ""),
    ],
)
def test_what_is_marked_begins_with_a_letter(chunks: list[str], place: int, marked: str) -> None:
    view: Any = SimpleNamespace(chunks=chunks, text="".join(chunks))
    start, end = marked_at(view, place)
    assert view.text[start:end] == marked
