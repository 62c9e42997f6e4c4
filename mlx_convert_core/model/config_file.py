"""config.json, and other files of settings that a model comes with: somebody else's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlx_convert_core.base.codec import read_json
from mlx_convert_core.base.file_names import CONFIG
from mlx_convert_core.base.limits import CONFIG_BYTES
from mlx_convert_core.base.regular_files import read_regular
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.safetensors import LFS_POINTER, lfs_pointer


def read_config(path: Path, limit: int = CONFIG_BYTES) -> dict[str, Any]:
    """A JSON object from ``path``, of at most ``limit`` bytes, with a byte order mark or without.

    Raises CorruptCheckpoint (codes ``bad_json``, ``lfs_pointer``, ``unreadable``).
    Infinity and NaN, which JSON lacks, become ``{"__float__": "Infinity"}``, as transformers writes them.
    """
    try:
        data = read_regular(path, limit, within=path.parent)
        if data.startswith(LFS_POINTER):
            raise lfs_pointer(path.name, "settings")
        config = read_json(data, parse_constant=lambda name: {"__float__": name})
    except OSError as error:
        raise unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise CorruptCheckpoint(
            f"{path.name} is not valid JSON: {error}.",
            hint=f"Download {path.name} again, or open {path} and mend it.",
            code="bad_json",
        ) from None
    if not isinstance(config, dict):
        raise CorruptCheckpoint(
            f"{path.name} holds a {type(config).__name__}, not an object of settings.",
            hint=f"Download {path.name} again.",
            code="bad_json",
        )
    return config


def unreadable(path: Path, error: OSError) -> CorruptCheckpoint:
    """The error for a file of a model that the system, or its own nature, keeps from being read."""
    return CorruptCheckpoint(
        f"{path} can't be read: {error.strerror or error}.",
        hint="Check that the file is there, that you can open it, and that its disk works.",
        code="unreadable",
    )


def context_length(config: Mapping[str, Any]) -> int:
    """The tokens that the model of ``config`` (config.json) was made for at most, 0 when it does not say."""
    inner = config.get("text_config")
    for level in (config, inner if isinstance(inner, dict) else {}):
        found = level.get("max_position_embeddings")
        if type(found) is int and found > 0:
            return found
    return 0


def context_of(folder: Path) -> int:
    """`context_length` of the model in ``folder``; 0 when its config.json can't be read."""
    try:
        return context_length(read_config(folder / CONFIG))
    except CorruptCheckpoint:
        return 0
