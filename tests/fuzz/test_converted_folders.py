"""Folders of converted models, spoiled: each is listed, described and sent, or left out in words."""

from __future__ import annotations

from pathlib import Path

from fuzz.folders import spoiled_copy
from fuzz.loop import Case, Fuzz, amounts, told
from mlx_convert_core import ConvertRequest, UploadRequest, Workspace
from mlx_convert_core.plugin import entry_of, recipe_of


@amounts
def test_a_spoiled_model_is_listed_or_left_out(fuzz: Fuzz, tiny_llama: Path, workspace: Workspace) -> None:
    made = workspace.convert(
        ConvertRequest(ref=str(tiny_llama), preset="4bit", output=tiny_llama.with_name("model")), inline=True
    )
    model = made.result().path

    def attempt(case: Case) -> object:
        often = ["mlx_convert.json", "mlx_convert.json", "config.json"]
        folder = spoiled_copy(case.random, model, case.folder / "model", often=often)
        shown: list[object] = []
        found = workspace.scan(case.folder, shown.append)
        assert all(entry in workspace.library.entries() for entry in found)
        for entry in found:
            workspace.remove(entry, keep_files=True)
        again = ConvertRequest(ref=str(tiny_llama), preset="4bit", output=folder, force=True)
        sent = f"folder:{case.folder / 'sent'}"
        shown += found, entry_of(folder), told(lambda: recipe_of(folder, str))
        shown += (
            told(lambda: workspace.plan(again, exact=False)),
            told(lambda: workspace.preview_upload(UploadRequest.to(folder, sent))),
        )
        return shown, told(lambda: workspace.upload(folder, sent, inline=True).result())

    fuzz("converted folders", 1_200, attempt)
