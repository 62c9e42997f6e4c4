"""A path that begins with ~ is filled in, or refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlx_convert_core import ConvertRequest, InvalidRequest, Workspace
from mlx_convert_core.plugin import Settings, SettingsFile, expanded


def test_the_own_home_folder_is_filled_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/models") == tmp_path / "models"
    assert expanded("models/~x") == Path("models/~x")


def test_a_user_that_is_not_there_is_named(workspace: Workspace, tiny_llama: Path) -> None:
    for request in (ConvertRequest(ref="~nobody-here/m"), ConvertRequest(ref=str(tiny_llama), output="~nobody-here/m")):
        with pytest.raises(InvalidRequest, match="there is no user 'nobody-here'"):
            workspace.plan(request)


def test_such_an_output_folder_is_no_setting(home: Path) -> None:
    settings = SettingsFile(home)
    with pytest.raises(InvalidRequest, match="can't be '~nobody-here/models'"):
        settings.set("output_folder", "~nobody-here/models")
    settings.document.update(lambda stored: stored.__setitem__("output_folder", "~nobody-here/models"))
    assert settings.load() == Settings()
