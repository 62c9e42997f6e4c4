"""What a converted model takes besides text, and, where that is nothing, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.base.file_names import CONFIG
from mlx_convert_core.base.installing import install_command
from mlx_convert_core.errors import MlxConvertError
from mlx_convert_core.model.attachments import Sense
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.model.record import read_record
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.remedies import Remedies, RunElsewhere

WHOLE = "mlx-convert-vlm"  # the plugin that converts, and runs, what sees and hears
_PARTS: Mapping[Sense, str] = {"picture": "vision_config", "sound": "audio_config"}
_PLURAL: Mapping[Sense, str] = {"picture": "pictures", "sound": "sound"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSenses:
    """What the model called ``name`` takes besides text: nothing, ``picture``, ``sound`` or both.

    ``why`` says in a sentence why that is nothing, and ``remedies`` what would change it; "" and () otherwise.
    """

    name: str
    senses: frozenset[Sense] = frozenset()
    why: str = ""
    remedies: Remedies = ()


def senses_of_model(folder: Path, hooks: Hooks) -> ModelSenses:
    """What the model in ``folder`` takes, by the plugins that run it. Reads config.json alone; raises PluginError."""
    name = model_name(folder)
    try:
        config = read_config(folder / CONFIG)
    except MlxConvertError as error:  # whoever loads it says more
        return ModelSenses(name=name, why=error.message)
    found: frozenset[Sense] = frozenset(hooks.first("model_senses", path=folder, config=config) or ())
    if found:
        return ModelSenses(name=name, senses=found)
    record = read_record(folder)
    if record is not None and record.text_only:
        return ModelSenses(name=name, why=f"{name} was converted for its text alone; converted whole, it takes more.")
    had = [_PLURAL[sense] for sense, part in _PARTS.items() if config.get(part)]
    if had:
        return ModelSenses(
            name=name,
            why=f"{name} is a model for {' and '.join(had)}; the plugin {WHOLE} runs it for that.",
            remedies=(RunElsewhere(install_command(WHOLE)),),
        )
    return ModelSenses(name=name, why=f"{name} takes text alone.")


def told(senses: frozenset[Sense]) -> str:
    """``pictures and sound``."""
    return " and ".join(_PLURAL[sense] for sense in sorted(senses))
