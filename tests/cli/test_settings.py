"""`settings`, and what becomes of a file that can't be read or written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from mlx_convert_cli import health

Run = Callable[..., Result]


def test_lost_settings_are_said_until_one_is_made_anew(run: Run, home: Path, tiny_llama: Path) -> None:
    (home / "settings.json").write_text('{"preset": "8b')
    for command in (("plan", tiny_llama, "--estimate"), ("settings",), ("settings", "set", "preset", "8bit")):
        ended = run(*command)
        assert ended.exit_code == 0
        assert f"warning: the settings were damaged and start anew; the old file is {home}" in ended.stderr
    assert run("settings").stderr == ""


def test_a_home_that_cannot_be_written_is_no_defect_of_ours(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLX_CONVERT_HOME", str(tmp_path / "file" / "home"))
    ended = run("settings", "set", "preset", "8bit")
    assert ended.exit_code == 1
    assert ended.stderr.startswith(f"error [file]: can't use {tmp_path / 'file'}")
    assert "MLX_CONVERT_HOME" in ended.stderr


def test_the_doctor_says_when_others_may_look_into_the_home(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_device", health._python)

    def told() -> str:
        return run("doctor").stdout

    home.chmod(0o755)
    assert f"others on this machine may look into {home}" in told()
    assert f"chmod -R go-rwx {home}" in told()
    home.chmod(0o700)
    assert "others on this machine" not in told()


def test_a_file_is_no_output_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = run("settings", "set", "output_folder", tmp_path / "file")
    assert ended.exit_code == 2
    assert "output_folder can't be" in ended.stderr


def test_the_language_of_the_app_is_one_that_it_speaks(run: Run) -> None:
    assert run("settings", "set", "language", "de").exit_code == 0
    assert '"language":"de"' in run("settings", "--json").stdout
    ended = run("settings", "set", "language", "xx")
    assert ended.exit_code == 2
    assert "language can't be 'xx'" in ended.stderr
    assert "browser, en, ar, de, ja" in ended.stderr
    assert '"language":"de"' in run("settings", "--json").stdout
