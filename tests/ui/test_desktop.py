"""A folder is shown by the file manager, if there is one that can."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlx_convert_ui.widgets import desktop


@pytest.mark.parametrize(("does", "shown"), [("exit 0", True), ("exit 3", False), ("exec sleep 1", True)])
def test_a_file_manager_may_fail_and_may_stay_in_the_foreground(
    does: str, shown: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("open", "xdg-open"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(desktop, "PATIENCE", 0.3)
    assert desktop.show_folder(tmp_path) is shown


def test_the_finder_shows_a_folder_and_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/told\n')
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "Model.app").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(desktop, "MANAGER", desktop.FINDER)
    assert desktop.show_folder(tmp_path / "Model.app")
    assert (tmp_path / "told").read_text().splitlines() == ["-R", str(tmp_path / "Model.app")]


def test_without_a_file_manager_nothing_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not desktop.show_folder(tmp_path)
