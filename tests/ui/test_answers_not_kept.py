"""What becomes of an answer that can't be kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.models import scripted_model
from mlx_convert_ui.state.studio import Studio

from mlx_convert_core.plugin import ChatSettings, Conversation


@pytest.mark.usefixtures("scripted")
def test_an_answer_that_the_disk_refuses_can_still_be_read(
    studio: Studio, tiny_model: Path, tmp_path: Path, held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parrot = scripted_model(tiny_model, tmp_path / "parrot", ["You said: ", "{prompt}"], hold_at=1)
    conversation = studio.chats.begin(str(parrot), ChatSettings(), "Hello")
    view = studio.chats.view(conversation.id)
    assert view is not None

    def full(kept: Conversation) -> Conversation:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(studio.workspace.conversations, "save", full)
    held.unlink()
    assert view.job.result(timeout=60).text == "You said: Hello"
    for keeper in studio.chats._keepers:
        keeper.join(60)
    assert studio.chats.view(conversation.id) is view
