"""What the system refuses while a model is written, in words about the folder that a person named."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from mlx_convert_core.base import units
from mlx_convert_core.errors import Cancelled, ConversionFailed, InsufficientDisk, SourceError
from mlx_convert_core.refusals import Refusal, system_refusal
from mlx_convert_core.remedies import ChooseOutput


def cannot_write(output: Path, error: OSError) -> SourceError | InsufficientDisk:
    """The error for a folder in which nothing can be made, or no more."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(output)
    refused = _of_its_own(error)
    return SourceError(
        f"can't write in {output.parent}: {error.strerror or error}.",
        hint=refused.hint if refused else "Choose a folder that you may write in.",
        remedies=refused.remedies if refused else (ChooseOutput(),),
        code=refused.code if refused else "not_writable",
    )


def _of_its_own(error: OSError) -> Refusal | None:
    """What the system refused, where that has a code and a next step of its own."""
    refused = system_refusal(error)
    return refused if refused and refused.code != "file" else None


def explained(output: Path, root: Path, error: Exception) -> Exception:
    """``error``, that came up while a model was made in the staging folder ``root``, in words about ``output``.

    A disk that is full, or that has gone with all that was on it, shows in many places, plugins included.
    """
    if isinstance(error, Cancelled):
        return error
    refused = [cause for cause in _causes(error) if isinstance(cause, OSError)]
    if any(cause.errno in (errno.ENOSPC, errno.EDQUOT) for cause in refused):
        return disk_full(output)
    if not root.is_dir() or (isinstance(error, FileNotFoundError) and _is_ours(error, root)):
        return ConversionFailed(
            f"{output.parent} was removed or renamed while {output.name} was being made in it.",
            hint="Leave that folder alone while a conversion runs, and run it again.",
            code="output_gone",
        )
    if isinstance(error, OSError) and _is_ours(error, root):
        return cannot_write(output, error)
    return error


def _is_ours(error: OSError, root: Path) -> bool:
    """Whether what was refused is about a file in ``root``: nothing else is written while a model is made."""
    return error.filename is None or Path(os.fsdecode(error.filename)).is_relative_to(root)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def disk_full(output: Path) -> InsufficientDisk:
    """The error for a disk that filled up while writing beside ``output``."""
    free = shutil.disk_usage(_existing(output)).free
    return InsufficientDisk(
        f"the disk that holds {output.parent} is full ({units.size(free)} free).",
        hint="Free some space, or choose a folder on another disk. Nothing half-made was kept.",
        remedies=(ChooseOutput(),),
    )


def _existing(path: Path) -> Path:
    return next(parent for parent in (path, *path.absolute().parents) if parent.exists())
