"""The mark of a model that was tried, on its card and in the library, for as long as its files are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from library_list import lines
from mlx_convert_ui.state.studio import Studio
from samples.decided import write_decided_llama
from simulated import sees, visiting

from mlx_convert_core import ConvertRequest, Workspace

FACTS = "53 of 53 tensors as planned, loads, answers 16 tokens, finite logits, tokenizer round trip"


@pytest.mark.asyncio
async def test_the_card_and_the_row_say_what_was_verified(
    verifying: None, workspace: Workspace, studio: Studio, tmp_path: Path
) -> None:
    source = write_decided_llama(tmp_path / "decided")
    view = studio.convert(ConvertRequest(ref=str(source), preset="4bit"))
    path = view.job.result(timeout=300).path
    async with visiting(studio) as user:
        await sees(user, "decided-MLX-4bit is ready", f"Verified: {FACTS}")
        await user.open("/library")
        assert f"Verified: {FACTS}" in lines(user)[0]["about"]
        (path / "tokenizer_config.json").write_bytes((path / "tokenizer_config.json").read_bytes() + b" ")
        await user.open("/library")
        (line,) = lines(user)
        assert [badge["text"] for badge in line["badges"]] == ["Changed"]
        assert "Verified" not in line["about"]
