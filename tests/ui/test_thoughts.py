"""What a model thought before it answered, told from the answer."""

from __future__ import annotations

import pytest
from mlx_convert_ui.state.chats import without_thoughts


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<think>a\nb</think>\n\nc", "c"),
        ("a\nb\n</think>\n\nc", "c"),
        ("<think>never ends", "<think>never ends"),
        ("a </think> in a line", "a </think> in a line"),
        ("c <think>later</think>", "c <think>later</think>"),
        ("", ""),
    ],
)
def test_only_thoughts_at_the_beginning_are_taken_out(text: str, kept: str) -> None:
    assert without_thoughts(text) == kept
