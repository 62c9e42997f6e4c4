"""A plugin whose every word tries to be markup or script."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from mlx_convert_core import Preset, Quantization, UploadRequest, UploadResult
from mlx_convert_core.plugin import Page, Reporter, hookimpl

NAME = "\"' :data-x=\"window.ran='plugin'\" <img src=x onerror=window.ran='plugin'> {{window.ran='plugin'}}"


@hookimpl
def register_presets() -> Iterable[Preset]:
    """Offer a preset with such a title."""
    yield Preset(name="hostile", title=NAME, summary=NAME, quantization=Quantization(bits=4, group_size=32))


@hookimpl
def register_pages() -> Iterable[Page]:
    """Offer a page with such a title."""
    yield Page(name="hostile", title=NAME, summary=NAME, load=_load)


class Target:
    """Takes nothing, and says that it is at an address that is script. Implements UploadTarget."""

    name = "hostile"
    summary = NAME

    def check(self, request: UploadRequest) -> UploadRequest:
        """Name it."""
        return replace(request, name=NAME)

    def preview(self, request: UploadRequest) -> str:
        """Show a card."""
        return NAME

    def upload(self, request: UploadRequest, report: Reporter) -> UploadResult:
        """Say where it is."""
        location = f"javascript:window.ran='upload'//{NAME}"
        return UploadResult(location=location, files=1, sent_files=1, sent_bytes=1)


@hookimpl
def register_upload_targets() -> Iterable[Target]:
    """Offer it."""
    yield Target()


def _load() -> Callable[[Any], None]:
    return lambda workspace: None
