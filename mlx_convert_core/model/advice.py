"""What a model's authors recommend for its answers: the sampler's numbers, and who says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlx_convert_core.base.file_names import GENERATION_CONFIG
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.answer_settings import SAMPLER_LIMITS
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.quantization import Preset, preset_with_advice

# Of it, what means the same here; max_new_tokens is a limit of the authors' own program.
_NAMES = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerAdvice:
    """The numbers by their names in AnswerSettings, {} for none; ``of`` says whose model they are for."""

    values: Mapping[str, float] = field(default_factory=dict)
    of: str = ""

    @property
    def words(self) -> str:
        """``Settings as the authors of Qwen3 4B recommend``, "" for no advice."""
        return f"Settings as the authors of {self.of} recommend" if self.values else ""


def sampler_advice(folder: Path, name: str, source: str, presets: Iterable[Preset]) -> SamplerAdvice:
    """What the authors of the model in ``folder``, called ``name``, recommend.

    They say it in generation_config.json; where that has no number, a preset for its ``source`` may know. Never raises.
    """
    told = _in_file(folder / GENERATION_CONFIG)
    if told:
        return SamplerAdvice(values=told, of=name)
    preset = preset_with_advice(presets, source)
    return SamplerAdvice(values=preset.advice, of=preset.title) if preset is not None else SamplerAdvice()


def _in_file(path: Path) -> dict[str, float]:
    try:
        stored = read_config(path)
    except (CorruptCheckpoint, OSError):
        return {}
    found = {name: number for name in _NAMES if (number := _number(name, stored.get(name))) is not None}
    return {**found, "temperature": 0.0} if stored.get("do_sample") is False and found else found


def _number(name: str, given: Any) -> float | None:
    """``given`` as a setting, None for what is none or out of its bounds."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    low, high = SAMPLER_LIMITS[name]
    return given if low <= given <= high and (name != "top_k" or given == int(given)) else None
