"""A folder that several people see, as a place to send a model to."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path

from mlx_convert_core.plugin import (
    InvalidRequest,
    Reporter,
    Staging,
    UploadError,
    UploadRequest,
    UploadResult,
    regular_files,
)

VARIABLE = "ACME_FOLDER"  # of the environment: the shared folder


class SharedFolder:
    """Implements UploadTarget."""

    name = "acme"
    summary = f"the folder that {VARIABLE} names, acme:NAME"

    def check(self, request: UploadRequest) -> UploadRequest:
        """See UploadTarget: everything that can go wrong is said here, before a byte moves."""
        name = request.name or request.path.name
        if name != Path(name).name or name.startswith("."):
            raise InvalidRequest(f"'{name}' is no name of a folder.", hint=f"Write {self.name}:NAME")
        if (_folder() / name).exists():
            raise UploadError(f"{name} is in {_folder()} already.", hint=f"Give it another name: {self.name}:NAME")
        return replace(request, name=name)

    def preview(self, request: UploadRequest) -> str:
        """See UploadTarget: the model's own card, unchanged."""
        card = request.path / "README.md"
        return card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""

    def upload(self, request: UploadRequest, report: Reporter) -> UploadResult:
        """See UploadTarget: under a hidden name first, then whole by a rename."""
        files = regular_files(request.path, below=True)
        total, done = sum(path.stat().st_size for path in files), 0
        target = _folder() / request.name
        with Staging(target, secrets.token_hex(4)) as staging:
            for path in files:
                report.check_cancelled()
                copy = staging.output / path.relative_to(request.path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
                done += path.stat().st_size
                report.progress("upload", done, total)
            staging.publish(force=False)
        return UploadResult(location=str(target), files=len(files), sent_files=len(files), sent_bytes=done)


def _folder() -> Path:
    folder = Path(os.environ.get(VARIABLE, ""))
    if not folder.is_absolute() or not folder.is_dir():
        raise UploadError("there is no shared folder.", hint=f"Set {VARIABLE} to the path of one.")
    return folder
