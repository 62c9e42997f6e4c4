"""The model that another one was made from: what to convert where this one can't be."""

from __future__ import annotations

from mlx_convert_core.base.file_names import ADAPTER
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.inspection import ModelInfo


def base_model(model: ModelInfo) -> str:
    """What an adapter's config, or else the card of ``model``, calls its base model; "" when neither says one.

    Whether that is a model is for a source to say. Raises CorruptCheckpoint for a damaged adapter_config.json.
    """
    base = model.card.get("base_model")
    if model.path is not None and (model.path / ADAPTER).exists():
        base = read_config(model.path / ADAPTER).get("base_model_name_or_path")
    if isinstance(base, list) and base:
        base = base[0]
    return base if isinstance(base, str) else ""
