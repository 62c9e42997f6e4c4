"""What was typed into the form, kept over a reload; what nobody touched follows the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlx_convert_core.plugin import expanded
from mlx_convert_ui.state.convert_form import Form
from mlx_convert_ui.state.studio import Studio

_DEFAULTS = "defaults"  # beside the fields: what the settings said when they were filled in


def form_of(studio: Studio, draft: Mapping[str, Any], ref: str = "", adapter: str = "") -> Form:
    """The form of ``draft``, {} for a fresh one; a preset or a folder that nobody chose is that of the settings now.

    ``ref`` and ``adapter`` are what a link names.
    """
    usual = usual_of(studio)
    form = Form(**usual)
    if draft:
        before = draft[_DEFAULTS]
        form = Form(**{name: value for name, value in draft.items() if name != _DEFAULTS})
        if form.folder == before["folder"]:
            form.folder = usual["folder"]
        if form.preset == before["preset"] and not form.also:
            form.preset = usual["preset"]
    form.also = [name for name in form.also if name in studio.workspace.presets]
    if form.preset not in studio.workspace.presets:
        form.take(next(iter(studio.workspace.presets), ""))
    if ref:
        form.name_model(ref)
        form.adapter = adapter or form.adapter
    return form


def draft_of(form: Form, usual: Mapping[str, str]) -> dict[str, Any]:
    """``form`` to be kept; ``usual`` is what the settings said when it was filled in."""
    return {**form.as_draft(), _DEFAULTS: usual}


def usual_of(studio: Studio) -> dict[str, str]:
    """What the settings say about a form that nobody has touched. Reads a file."""
    settings = studio.workspace.settings.load()
    return {"preset": settings.preset, "folder": str(expanded(settings.output_folder).absolute())}
