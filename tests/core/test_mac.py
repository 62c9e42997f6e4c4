"""A Mac on which MLX can't run is told so by name: before anything is read, when a model is opened, and by doctor."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlx_convert_core import ConvertRequest, MlxConvertError, Workspace
from mlx_convert_core.base import mac
from mlx_convert_core.base.mac import mac_trouble, sysctl_number

from .conftest import WriteToy

Become = Callable[..., None]


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Become:
    """Have the system answer as a Mac of some kind would."""

    def become(*, machine: str = "arm64", version: str = "15.6", translated: int | None = None) -> None:
        monkeypatch.setattr(mac, "sys", SimpleNamespace(platform="darwin"))
        monkeypatch.setattr(platform, "machine", lambda: machine)
        monkeypatch.setattr(platform, "mac_ver", lambda: (version, ("", "", ""), machine))
        monkeypatch.setattr(mac, "sysctl_number", {"sysctl.proc_translated": translated}.get)

    return become


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ({"machine": "x86_64", "translated": 1}, "rosetta"),
        ({"machine": "x86_64", "translated": 0}, "intel_mac"),
        ({"machine": "x86_64"}, "intel_mac"),
        ({"version": "13.7.8"}, "old_macos"),
        ({"version": "14.0"}, ""),
        ({"version": "26.1"}, ""),
        ({"version": ""}, ""),
    ],
)
def test_each_kind_has_a_name(become: Become, kind: dict[str, object], code: str) -> None:
    become(**kind)
    trouble = mac_trouble()
    assert (trouble.code if trouble else "") == code
    assert trouble is None or trouble.hint


def test_it_is_said_before_anything_else(
    become: Become, workspace: Workspace, write_toy: WriteToy, tmp_path: Path
) -> None:
    request = ConvertRequest(ref=str(write_toy()), output=tmp_path / "out", preset="bf16")
    model = workspace.convert(request, inline=True).result().path
    become(machine="x86_64", translated=1)
    again = ConvertRequest(ref=request.ref, output=tmp_path / "again", preset="bf16")
    assert workspace.plan(again).errors[0].code == "rosetta"
    for act in (
        lambda: workspace.convert(again, inline=True).result(),
        lambda: workspace.open(model, inline=True).loading.result(),
    ):
        with pytest.raises(MlxConvertError, match="under Rosetta") as refused:
            act()
        assert refused.value.code == "rosetta"


@pytest.mark.skipif(mac.sys.platform == "darwin", reason="a Mac has them")
def test_other_systems_have_no_such_numbers() -> None:
    assert sysctl_number("hw.memsize") is None
    assert mac_trouble() is None


@pytest.mark.skipif(mac.sys.platform != "darwin", reason="only a Mac has them")
def test_a_mac_tells_its_numbers() -> None:
    assert (sysctl_number("hw.memsize") or 0) > 1_000_000_000
    assert mac_trouble() is None
