"""Two paths change places in one step, whatever kind each is."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from mlx_convert_core.base.exchange import exchange

KINDS: dict[str, Callable[[Path], None]] = {
    "folder": Path.mkdir,
    "file": Path.touch,
    "broken link": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_changes_places_with(tmp_path: Path, kind: str) -> None:
    one, other = tmp_path / "naïve one", tmp_path / "other"
    one.mkdir()
    (one / "mine").touch()
    KINDS[kind](other)
    was = other.lstat().st_ino
    assert exchange(one, other)
    assert (other / "mine").exists()
    assert one.lstat().st_ino == was


def test_what_is_not_there_can_not_be_exchanged(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "other")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EINVAL, errno.ENOTSUP])
def test_where_the_system_can_not_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr("ctypes.get_errno", lambda: number)
    assert not exchange(tmp_path / "one", tmp_path / "other")
