"""Converted models for a program under test: copies of real ones, and such that answer by a script."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlx_convert_core import Workspace


def copy_model(model: Path, target: Path) -> Path:
    """Put a copy of ``model`` at ``target``; the weights are linked, not copied."""
    return shutil.copytree(model, target, copy_function=_link)


def scripted_model(model: Path, target: Path, pieces: Iterable[str], **options: Any) -> Path:
    """A copy of ``model`` that the plugin ``scripted`` answers for."""
    copy_model(model, target)
    (target / "script.json").write_text(json.dumps({"pieces": list(pieces), **options}), encoding="utf-8")
    return target


def shelve(home: Path, *models: Path) -> None:
    """Put ``models`` into the library of ``home``; the last one becomes the newest."""
    with Workspace(home=home) as workspace:
        for model in models:
            workspace.scan(model)


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)
