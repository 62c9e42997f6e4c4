"""Which model answers when its folder changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from browser.models import scripted_model
from mlx_convert_ui.state.studio import Studio

from mlx_convert_core import GenerateRequest

pytestmark = pytest.mark.usefixtures("scripted")


def test_a_model_that_was_converted_anew_answers_instead_of_the_old_one(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    def answer() -> str:
        view = studio.answers.ask(str(tmp_path / "parrot"), GenerateRequest(prompt="Who?"), "test")
        return str(view.job.result().text)

    scripted_model(tiny_model, tmp_path / "parrot", ["The old one."])
    assert answer() == answer() == "The old one."
    shutil.rmtree(tmp_path / "parrot")
    scripted_model(tiny_model, tmp_path / "new", ["The new one."]).rename(tmp_path / "parrot")
    assert answer() == "The new one."
