"""The folder picker lists what lies below its roots, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlx_convert_ui.widgets.picker import LIMIT, listing
from samples.caseless_disk import caseless_disk

from mlx_convert_core import InvalidRequest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    (root / "model").mkdir(parents=True)
    (root / "model/config.json").write_text("{}")
    (root / "plain").mkdir()
    (root / ".hidden").mkdir()
    (root / "weights.gguf").write_bytes(b"GGUF")
    (root / "notes.txt").write_text("x")
    (tmp_path / "home-of-another").mkdir()
    (root / "way-out").symlink_to(tmp_path / "home-of-another")
    return root


def test_folders_come_first_and_models_are_marked(root: Path) -> None:
    found = listing(root, (root,), suffix=".gguf")
    assert [(row.name, row.folder, row.model) for row in found.rows] == [
        ("model", True, True),
        ("plain", True, False),
        ("way-out", True, False),
        ("weights.gguf", False, True),
    ]
    assert found.parent is None
    assert listing(root / "model", (root,), suffix=".gguf").parent == root


@pytest.mark.parametrize(
    "path", ["/etc", "{root}/..", "{root}/way-out", "{root}-of-another", "{root}/no", "{root}/\0", "~nobody-at-all", ""]
)
def test_nothing_outside_is_listed(root: Path, path: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        listing(path.format(root=root), (root,), suffix=".gguf")
    assert error.value.code == "outside"


def test_a_huge_folder_is_cut_off_with_a_count(root: Path) -> None:
    for number in range(LIMIT + 7):
        (root / "plain" / f"{number:04}").mkdir()
    found = listing(root / "plain", (root,))
    assert (len(found.rows), found.more) == (LIMIT, 7)


def test_folders_are_those_of_the_disk_however_they_are_spelled(tmp_path: Path) -> None:
    with caseless_disk(tmp_path) as disk:
        (disk / "Ann" / "Models").mkdir(parents=True)
        found = listing(disk / "ANN" / "models", (disk / "Ann",))
        assert (found.path, found.parent) == (disk / "Ann" / "Models", disk / "Ann")
        with pytest.raises(InvalidRequest, match="can be listed here"):
            listing(disk, (disk / "Ann",))
