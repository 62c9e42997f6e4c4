"""A plugin whose every word tries to be markup or script."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mlx_convert_core import Page, Preset, Quantization, hookimpl

NAME = "\"' :data-x=\"window.ran='plugin'\" <img src=x onerror=window.ran='plugin'> {{window.ran='plugin'}}"


@hookimpl
def register_presets() -> Iterable[Preset]:
    """Offer a preset with such a title."""
    yield Preset(name="hostile", title=NAME, summary=NAME, quantization=Quantization(bits=4, group_size=32))


@hookimpl
def register_pages() -> Iterable[Page]:
    """Offer a page with such a title."""
    yield Page(name="hostile", title=NAME, summary=NAME, load=_load)


def _load() -> Callable[[Any], None]:
    return lambda workspace: None
