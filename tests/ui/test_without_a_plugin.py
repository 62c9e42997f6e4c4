"""Without any one of the built-in plugins its feature is gone, and every page still opens."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlx_convert_ui.state.studio import Studio
from simulated import fill, sees, visiting

from mlx_convert_core import Workspace

pytestmark = pytest.mark.asyncio
BUILT_IN = ("mlx_convert_gguf", "mlx_convert_hub", "mlx_convert_library", "mlx_convert_lm", "mlx_convert_quality")
PAGES = ("/", "/find", "/test", "/chat", "/compare", "/library", "/queue", "/plugins", "/settings")


@pytest.mark.parametrize("removed", BUILT_IN)
async def test_every_page_opens(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", ",".join(name for name in BUILT_IN if name != removed))
    with Workspace() as workspace:
        async with visiting(Studio(workspace)) as user:
            for page in PAGES:
                await user.open(page)
                await user.should_see("Convert")


async def test_without_the_hub_the_form_takes_folders(
    home: Path, tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_llama.parent)
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", "mlx_convert_lm")
    with Workspace() as workspace:
        async with visiting(Studio(workspace)) as user:
            await fill(user, "ref", "org/name")
            await sees(user, "No source here takes this.", "(Local folder)")
            await user.should_not_see(marker="found")
            await fill(user, "ref", tiny_llama.name)
            await sees(user, "Supported", "Memory to convert")
