"""A plugin of somebody else: a preset, a place to send models to, and a page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from mlx_convert_core import Preset, Quantization, UploadRequest, UploadResult, Workspace
from mlx_convert_core.plugin import Page, Reporter, hookimpl


class Shelf:
    """Copies models to a folder beside their own. Implements UploadTarget."""

    name = "acme"
    summary = "the shelf of the team: acme:NAME"

    def check(self, request: UploadRequest) -> UploadRequest:
        """Name it after its folder."""
        return replace(request, name=request.name or request.path.name)

    def preview(self, request: UploadRequest) -> str:
        """Say what would stand on its card."""
        return f"# {request.name}\n\nOn the shelf of Acme."

    def upload(self, request: UploadRequest, report: Reporter) -> UploadResult:
        """Copy it."""
        target = Path(shutil.copytree(request.path, request.path.parent.parent / "acme" / request.name))
        files = [path for path in target.rglob("*") if path.is_file()]
        sent = sum(path.stat().st_size for path in files)
        return UploadResult(location=str(target), files=len(files), sent_files=len(files), sent_bytes=sent)


@hookimpl
def register_presets() -> Iterable[Preset]:
    """Offer one more size."""
    yield Preset(
        name="acme3",
        title="Acme 3-bit",
        summary="What Acme puts on its watches.",
        quantization=Quantization(bits=3, group_size=32),
    )


@hookimpl
def register_upload_targets() -> Iterable[Shelf]:
    """Offer the shelf."""
    yield Shelf()


@hookimpl
def register_pages() -> Iterable[Page]:
    """Offer a page."""
    yield Page(name="acme", title="Acme", summary="What Acme has converted.", load=_load)


def _load() -> Callable[[Workspace], None]:
    from nicegui import ui

    def draw(workspace: Workspace) -> None:
        ui.label(f"Acme knows {len(workspace.library.entries())} models")

    return draw
