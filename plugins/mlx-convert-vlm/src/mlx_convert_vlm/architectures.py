"""The architectures of the installed mlx-vlm, read from its source files without importing it."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import Sense, TensorKinds

_BRANCHES = ("vision", "audio", "projector")


def takes(config: Mapping[str, Any], names: Iterable[str] = ()) -> bool:
    """Whether mlx-vlm has a class for ``config``, and mlx-lm none or one for the text alone.

    ``names`` are those of the checkpoint's tensors, where they are known: of a model that has lost what it saw with,
    only its text model is left, whatever its config says.
    """
    if module_of(config) is None:
        return False
    kinds, seen = TensorKinds(config), tuple(names)
    if any(kinds.branch(name) in _BRANCHES for name in seen):
        return True
    return (not seen and bool(senses_of(config))) or not text_alone(config)


def senses_of(config: Mapping[str, Any]) -> frozenset[Sense]:
    """What a model with ``config`` takes besides text."""
    senses: Mapping[str, Sense] = {"vision_config": "picture", "audio_config": "sound"}
    return frozenset(sense for name, sense in senses.items() if isinstance(config.get(name), dict) and config[name])


def module_of(config: Mapping[str, Any]) -> str | None:
    """The name of mlx-vlm's package for ``config``; None when it has none."""
    named = str(config.get("model_type") or "").lower()
    module = _remapping().get(named, named)
    return module if module in model_types() else None


@cache
def model_types() -> frozenset[str]:
    """The packages of mlx-vlm that hold a model class."""
    root = _package("mlx_vlm")
    files = (root / "models").glob("*/__init__.py") if root else ()
    return frozenset(path.parent.name for path in files if _exports(path, "Model"))


def _exports(path: Path, name: str) -> bool:
    """Whether the package at ``path`` binds ``name``, told without running it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            return True
        if isinstance(node, ast.ClassDef) and node.name == name:
            return True
    return False


def text_alone(config: Mapping[str, Any]) -> bool:
    """Whether mlx-lm has a class for ``config``, or for its text model."""
    root = _package("mlx_lm")
    return root is not None and (root / "models" / f"{config.get('model_type')}.py").exists()


@cache
def _package(name: str) -> Path | None:
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found and found.origin else None


@cache
def _remapping() -> Mapping[str, str]:
    """The table MODEL_REMAPPING of mlx_vlm/utils.py."""
    root = _package("mlx_vlm")
    if root is None:
        return {}
    for node in ast.parse((root / "utils.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if "MODEL_REMAPPING" in names:
                table: dict[str, str] = ast.literal_eval(node.value)
                return table
    return {}
