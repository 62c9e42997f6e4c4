"""The architectures of the installed mlx-lm, read from its source files without importing it."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

_HAS_MODEL = re.compile(r"^class Model\b|^from .*\bimport\b.*\bModel\b", re.MULTILINE)


@cache
def model_types() -> tuple[str, ...]:
    """Every model type that mlx-lm has a class for, remapped names included, sorted."""
    return tuple(sorted({*_modules(), *(name for name, module in _remapping().items() if module in _modules())}))


def module_of(config: Mapping[str, Any]) -> Path | None:
    """The source file of the model class for ``config``; None when mlx-lm has none."""
    model_type = str(config.get("model_type") or "")
    architectures = config.get("architectures")
    for architecture in architectures if isinstance(architectures, list | tuple) else (architectures,):
        by_architecture = _architecture_remapping().get((model_type, str(architecture)))
        if by_architecture:
            return _modules().get(by_architecture)
    return _modules().get(_remapping().get(model_type, model_type))


def supported(config: Mapping[str, Any]) -> bool:
    """Whether mlx-lm has a class for ``config``, or the config brings its own (``model_file``)."""
    return bool(config.get("model_file")) or module_of(config) is not None


def nearest(model_type: str) -> tuple[str, ...]:
    """Supported model types with a similar name."""
    return tuple(get_close_matches(model_type, model_types(), n=3, cutoff=0.6))


@cache
def _package() -> Path | None:
    found = importlib.util.find_spec("mlx_lm")
    return Path(found.origin).parent if found and found.origin else None


@cache
def _modules() -> dict[str, Path]:
    package = _package()
    files = sorted((package / "models").glob("*.py")) if package else []
    return {path.stem: path for path in files if _HAS_MODEL.search(path.read_text(encoding="utf-8"))}


@cache
def literal_tables() -> dict[str, Any]:
    """The literal tables at the top of mlx_lm/utils.py, annotated or not, by name."""
    package = _package()
    if package is None:
        return {}
    tables = {}
    for node in ast.parse((package / "utils.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            for target in node.targets if isinstance(node, ast.Assign) else (node.target,):
                if isinstance(target, ast.Name) and target.id.startswith("MODEL_"):
                    tables[target.id] = ast.literal_eval(node.value)
    return tables


def _remapping() -> dict[str, str]:
    return dict(literal_tables().get("MODEL_REMAPPING", {}))


def _architecture_remapping() -> dict[tuple[str, str], str]:
    return dict(literal_tables().get("MODEL_ARCHITECTURE_REMAPPING", {}))
