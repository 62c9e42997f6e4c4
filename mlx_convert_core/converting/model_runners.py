"""The runner of a folder's model, from whichever plugin runs it."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core.base.file_names import CONFIG
from mlx_convert_core.base.regular_files import regular_files
from mlx_convert_core.errors import UnsupportedModel
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.plugins.interfaces import ModelRunner
from mlx_convert_core.remedies import RunCommand
from mlx_convert_core.running.context import JobContext


def runner_of(folder: Path, context: JobContext, *, trusted: bool) -> tuple[str, ModelRunner]:
    """The plugin that runs the model in ``folder``, and its runner, nothing of the model read yet.

    Raises UnsupportedModel (code ``arch``) when nobody runs it, and CorruptCheckpoint for a file that is none: whoever
    reads the folder would follow it, or wait for ever.
    """
    regular_files(folder, below=True)
    config = read_config(folder / CONFIG)
    plugin, runner = context.hooks.first_named("model_runner", path=folder, config=config, trust_remote_code=trusted)
    if runner is None:
        raise UnsupportedModel(
            f"no plugin can run {model_name(folder)} (model type '{config.get('model_type')}').",
            hint="Look at the plugins that were loaded.",
            remedies=(RunCommand("plugins list"),),
            code="arch",
        )
    return plugin, runner
