"""``folder:PLACE``: a folder as a place to send a model to, such as the one in which LM Studio looks for models.

`lmstudio` stands for LM Studio's models folder, where a model is at ``publisher/model``. Any other place is a path: of
a folder with models, in which the model gets its own, or of the new folder itself.
"""

from __future__ import annotations

import filecmp
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from errno import EDQUOT, ENOSPC
from pathlib import Path

from mlx_convert_core.plugin import (
    FolderContents,
    InsufficientDisk,
    InvalidRequest,
    Replace,
    Reporter,
    Staging,
    UploadError,
    UploadRequest,
    UploadResult,
    expanded,
    file_names,
    is_inside,
    model_name,
    read_record,
    spelled,
    what_goes,
)
from mlx_convert_hub.card.origin import origin_of
from mlx_convert_hub.card.published_card import own_card
from mlx_convert_hub.send.clone import copy
from mlx_convert_hub.send.lm_studio import HOMES, lm_studio_folder
from mlx_convert_hub.send.model_files import files_of

LM_STUDIO = "lmstudio"
PUBLISHER = "mlx-convert"


@dataclass(frozen=True)
class FolderTarget:
    """Implements UploadTarget. A checked request's name is the absolute path of the new folder."""

    name: str = "folder"
    summary: str = "a folder here: folder:lmstudio, folder:lmstudio/publisher/Name or folder:/path/to/models"

    def check(self, request: UploadRequest) -> UploadRequest:
        """See UploadTarget."""
        target = Staging(_place(request), secrets.token_hex(4)).target  # its name may leave no room for that folder's
        source = request.path
        if is_inside(source, target) or is_inside(target, source):
            raise InvalidRequest(f"{target} is where the model is.", hint="Name another folder.", code="same_folder")
        parent = next(folder for folder in target.parents if folder.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise UploadError(f"can't write in {parent}.", hint="Name another folder.", code="not_writable")
        if not _looks_equal(source, target):
            _replaced(request, target)
        _check_space(source, parent)
        return replace(request, name=str(target))

    def preview(self, request: UploadRequest) -> str:
        """See UploadTarget: the model's own card, unchanged."""
        return own_card(request.path)

    def upload(self, request: UploadRequest, report: Reporter) -> UploadResult:
        """See UploadTarget: under a hidden name first, then whole by a rename."""
        target = Path(request.name)
        files = files_of(request.path)
        if _equal(request.path, target, files, report):
            report.message(f"{target} has all of it already: nothing was copied.")
            return UploadResult(location=str(target), files=len(files), sent_files=0, sent_bytes=0)
        replaced = _replaced(request, target)
        if replaced is not None:
            report.message(f"{target} will be replaced: {replaced.words}.")
        with _disk_watched(target), Staging(target, secrets.token_hex(4)) as staging:
            sent = _copy_all(request.path, files, staging.output, report)
            report.check_cancelled()
            _replaced(request, target)  # once more: copying took its time
            staging.publish(force=replaced is not None)
        return UploadResult(location=str(target), files=len(files), sent_files=len(files), sent_bytes=sent)


def _place(request: UploadRequest) -> Path:
    """The folder that the request means, which may not be there yet."""
    if not request.name:
        raise InvalidRequest("no folder was named.", hint="Write folder:lmstudio or folder:/path", code="bad_folder")
    first, *rest = request.name.split("/")
    if first == LM_STUDIO:
        return _in_lm_studio(request, [part for part in rest if part])
    path = spelled(expanded(request.name).absolute())
    holds_models = path.is_dir() and not (path / file_names.CONFIG).exists()
    return Path(os.path.normpath(path / model_name(request.path) if holds_models else path))


def _in_lm_studio(request: UploadRequest, parts: list[str]) -> Path:
    models = lm_studio_folder()
    if models is None or not models.is_dir():
        usual = ", ".join(f"~/{home}/models" for home in HOMES)
        raise UploadError(
            f"LM Studio's folder of models is not there ({usual if models is None else models}).",
            hint="Start LM Studio once, or give the folder: folder:/path/to/models/publisher/Name"
            if models is None
            else "LM Studio's settings name that folder. Connect its disk, or choose another folder there.",
            code="no_lmstudio",
        )
    publisher, model = [*parts, PUBLISHER][0], [*parts, "", ""][1] or model_name(request.path)
    if len(parts) > 2 or any(part.startswith(".") for part in (publisher, model)):
        raise InvalidRequest(
            f"'{request.name}' is not a place in LM Studio's models folder.",
            hint="Write folder:lmstudio/publisher/Name, or folder:lmstudio",
            code="bad_folder",
        )
    return models / publisher / model


def _replaced(request: UploadRequest, target: Path) -> FolderContents | None:
    """What the model takes the place of, None when nothing is there.

    Raises UploadError: code ``not_replaceable`` for what must stay, ``up_exists`` for another model. A person's file
    beside the model keeps it where it is: copied along, it would lose its dates, links and whatever is hidden.
    """
    if not os.path.lexists(target):
        return None
    contents = what_goes(target, source=request.path)
    if contents.stays:
        raise UploadError(
            f"{target} is not replaced: {contents.stays}.",
            hint=contents.instead(),
            code="not_replaceable",
        )
    own, there = origin_of(read_record(request.path)), origin_of(read_record(target))
    same = own is not None and own.same_as(there) if request.path.is_dir() else there is not None
    if contents.model is not None and not same and not request.replace:
        raise UploadError(
            f"{target} holds another model already ({contents.words}).",
            hint="Name another folder, or replace it.",
            remedies=(Replace(),),
            code="up_exists",
        )
    return contents


def _looks_equal(source: Path, target: Path) -> bool:
    files = files_of(source) if source.is_dir() and target.is_dir() else []
    return bool(files) and all(
        (target / name).is_file() and (target / name).stat().st_size == (source / name).stat().st_size for name in files
    )


def _equal(source: Path, target: Path, files: list[Path], report: Reporter) -> bool:
    """Whether every file is there already, byte by byte."""
    if not _looks_equal(source, target):
        return False
    for name in files:
        report.check_cancelled()
        if not filecmp.cmp(source / name, target / name, shallow=False):
            return False
    return True


def _copy_all(source: Path, files: list[Path], target: Path, report: Reporter | None) -> int:
    total = sum((source / name).stat().st_size for name in files)
    done = 0

    def moved(size: int) -> None:
        nonlocal done
        done += size
        if report is not None:
            report.check_cancelled()
            report.progress("upload", done, total)

    for name in files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        copy(source / name, target / name, moved, within=source)
    return done


def _check_space(source: Path, parent: Path) -> None:
    need = sum((source / name).stat().st_size for name in files_of(source)) if source.is_dir() else 0
    free = shutil.disk_usage(parent).free
    shared = source.exists() and source.stat().st_dev == parent.stat().st_dev  # perhaps cloned: no space needed
    if need > free and not shared:
        raise _full(parent)


def _full(target: Path) -> InsufficientDisk:
    return InsufficientDisk(
        f"the disk that holds {target} is full.", hint="Free some space, or name another folder.", code="disk_full"
    )


@contextmanager
def _disk_watched(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise _full(target) from error
        raise UploadError(
            f"can't write {target}: {error.strerror or error}.", hint="Name another folder.", code="not_writable"
        ) from error
