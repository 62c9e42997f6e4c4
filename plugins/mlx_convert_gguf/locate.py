"""Which GGUF file a ref means."""

from __future__ import annotations

import os
from pathlib import Path

from mlx_convert_core.plugin import InvalidRequest, ModelInfo, RepoNotFound, check_regular, expanded, file_names
from mlx_convert_gguf.container import is_gguf
from mlx_convert_gguf.splits import first_part

# The picture part of a model, and notes for making other files: never the model itself.
_BESIDE = ("mmproj", "imatrix")


def gguf_at(ref: str) -> Path | None:
    """The file that ``ref`` names, or the only one of a folder without other weights; None: no GGUF is meant.

    Of a model in several parts it is the first.

    Raises RepoNotFound (``no_file``) for a .gguf file that is not there, and InvalidRequest (``gguf_which``)
    when a folder holds several; CorruptCheckpoint for what is no regular file, or in a folder a link out of it.
    """
    path = expanded(ref)
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return first_part(path) if path.suffix.lower() == file_names.GGUF or is_gguf(path) else None
    if path.suffix.lower() == file_names.GGUF and os.path.lexists(path):
        check_regular(path, within=None)
    if path.suffix.lower() == file_names.GGUF and "://" not in ref:
        raise RepoNotFound(f"there is no file {path}.", hint="Check the path.", code="no_file")
    return None


def is_from_gguf(model: ModelInfo) -> bool:
    """Whether ``model`` was described from a GGUF file."""
    return model.path is not None and model.path.is_file() and is_gguf(model.path)


def _in_folder(folder: Path) -> Path | None:
    files = sorted(
        path for path in folder.iterdir() if path.suffix.lower() == file_names.GGUF and not path.name.startswith(".")
    )
    models = sorted({first_part(path) for path in files if not path.name.lower().startswith(_BESIDE)})
    if not models or next(folder.glob(file_names.WEIGHTS), None) or _is_checkpoint(folder):
        return None
    for path in models:
        check_regular(path, within=folder)
    if len(models) == 1:
        return models[0]
    best = max(models, key=lambda path: path.stat().st_size)
    raise InvalidRequest(
        f"{folder} holds {len(models)} GGUF files: {', '.join(path.name for path in models[:8])}"
        f"{' …' if len(models) > 8 else ''}.",
        hint=f"Name the one to convert; the largest lost least: {best}",
        code="gguf_which",
    )


def _is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds weights of transformers, whatever they are called."""
    return (folder / file_names.CONFIG).exists() and next(folder.glob(f"*{file_names.SAFETENSORS}"), None) is not None
