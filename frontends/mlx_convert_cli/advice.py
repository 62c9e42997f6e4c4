"""What a model's authors recommend for its answers, where the person has set nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlx_convert_cli.output import print_json, say
from mlx_convert_core import GenerateRequest, Workspace
from mlx_convert_core.plugin import SAMPLER_LIMITS, ChatSettings, entry_of, preset_with_advice, sampler_word


def with_advice(workspace: Workspace, path: Path, values: Mapping[str, Any], *, as_json: bool) -> dict[str, Any]:
    """``values``, those that are None filled in with the advice for the model at ``path``; said if there is any."""
    entry = entry_of(path)
    preset = preset_with_advice(workspace.presets.values(), entry.source) if entry is not None else None
    advice = preset.advice if preset is not None else {}
    used = {name: value for name, value in advice.items() if values.get(name) is None}
    if preset is not None and used and not as_json:
        told = ", ".join(f"{sampler_word(name)} {value:g}" for name, value in used.items())
        say(f"Settings as the authors of {preset.title} recommend: {told}.")
    return {**values, **used}


def print_sampler(settings: GenerateRequest | ChatSettings) -> None:
    """One line of JSON with every number that the next answers are made with."""
    print_json({"event": "Sampler", **{name: getattr(settings, name) for name in SAMPLER_LIMITS}})
