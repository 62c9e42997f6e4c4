"""A real exFAT disk: no links, no capitals, and two paths can't change places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from samples.exfat_disk import exfat_disk

from mlx_convert_core import ConvertRequest, MlxConvertError, Workspace
from mlx_convert_core.base.exchange import exchange
from mlx_convert_core.base.system_files import is_system_file

from .conftest import WriteToy


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with exfat_disk(tmp_path) as disk:
        yield disk


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not is_system_file(path.name) and path.name[:1] != "."}


def test_a_model_is_made_replaced_sent_and_removed(
    disk: Path, workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    request = ConvertRequest(ref=str(write_toy()), output=disk / "out", preset="bf16", force=True)
    for _ in range(2):
        made = workspace.convert(request, inline=True).result().models[0]
    assert made.path == disk / "out"
    sent = Path(workspace.upload(disk / "out", f"folder:{disk / 'sent'}", inline=True).result().location)
    assert names(sent) == names(disk / "out")
    workspace.remove(workspace.find(disk / "OUT"), permanently=True)
    assert names(disk) == {"sent"}


def test_the_source_is_not_replaced_by_its_other_spelling(
    disk: Path, workspace: Workspace, write_toy: WriteToy
) -> None:
    model = disk / "Toy"
    model.mkdir()
    for path in write_toy().iterdir():
        (model / path.name).write_bytes(path.read_bytes())
    request = ConvertRequest(ref=str(model), output=disk / "TOY", preset="bf16", force=True)
    with pytest.raises(MlxConvertError, match="the model to convert is in it"):
        workspace.convert(request, inline=True).result()
    assert "model.safetensors" in names(model)


def test_two_paths_can_not_change_places_there(disk: Path) -> None:
    for name in ("a", "b"):
        (disk / name).mkdir()
    assert not exchange(disk / "a", disk / "b")
