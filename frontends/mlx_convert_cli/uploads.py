"""Send a model somewhere and tell where it is, for `upload` and for `convert --upload`."""

from __future__ import annotations

import sys
from pathlib import Path

from mlx_convert_cli.output import put, say
from mlx_convert_cli.progress import follow
from mlx_convert_core import ConvertRequest, InvalidRequest, UploadRequest, UploadResult, Workspace
from mlx_convert_core.plugin import command, units

NOT_MADE_YET = Path("a model that is not made yet")


def check_before_conversion(opened: Workspace, request: ConvertRequest, to: str, *, public: bool) -> None:
    """Raise what would stand in the way of sending the model of ``request`` to ``to`` once it is made."""
    path = NOT_MADE_YET / request.outputs[0].name if request.outputs else NOT_MADE_YET
    asked = UploadRequest.to(path, to, public=public)
    if not asked.name or len(request.presets) > 1:
        raise InvalidRequest(
            "an upload needs one preset and a name." if not asked.name else "an upload needs a single preset.",
            hint=f"Write {command('--upload', f'{asked.target}:owner/Name')} with one --preset, or"
            " use `mlx-convert upload` afterwards.",
            code="upload_target",
        )
    opened.check_upload(asked)


def send(opened: Workspace, model: Path | str, to: str, *, public: bool, replace: bool, as_json: bool) -> UploadResult:
    """Upload ``model`` and show it going."""
    result = follow(opened.upload(model, to, public=public, replace=replace), as_json=as_json)
    if not as_json:
        say(_told(result))
        if not sys.stdout.isatty():
            put(result.location)
    return result


def _told(result: UploadResult) -> str:
    there = result.location
    if "://" in result.location:
        there += ", public" if result.public else ", private"
    if not result.sent_files:
        return f"Up to date: {there}"
    files = "1 file" if result.sent_files == 1 else f"{result.sent_files} files"
    return f"Sent {files}, {units.size(result.sent_bytes)}, in {units.duration(result.seconds)}: {there}"
