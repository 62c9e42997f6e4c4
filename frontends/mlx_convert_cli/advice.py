"""What a model's authors recommend for its answers, where the person has set nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlx_convert_cli.output import print_json, say
from mlx_convert_core import GenerateRequest, Workspace
from mlx_convert_core.plugin import SAMPLER_LIMITS, ChatSettings, sampler_word


def with_advice(workspace: Workspace, path: Path, values: Mapping[str, Any], *, as_json: bool) -> dict[str, Any]:
    """``values``, those that are None filled in with the advice for the model at ``path``; said if there is any."""
    advice = workspace.advice(path)
    used = {name: value for name, value in advice.values.items() if values.get(name) is None}
    if used and not as_json:
        told = ", ".join(f"{sampler_word(name)} {value:g}" for name, value in used.items())
        say(f"{advice.words}: {told}.")
    return {**values, **used}


def print_sampler(settings: GenerateRequest | ChatSettings) -> None:
    """One line of JSON with every number that the next answers are made with."""
    print_json({"event": "Sampler", **{name: getattr(settings, name) for name in SAMPLER_LIMITS}})
