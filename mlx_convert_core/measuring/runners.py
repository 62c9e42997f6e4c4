"""The runner that scores a model's text, from whichever plugin runs that model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlx_convert_core.base.mac import mac_trouble
from mlx_convert_core.base.memory import give_back_memory
from mlx_convert_core.converting.model_runners import runner_of
from mlx_convert_core.errors import MeasuringFailed, UnsupportedModel
from mlx_convert_core.measuring.texts import Tokenize
from mlx_convert_core.model.hub_cache import model_name
from mlx_convert_core.plugins.scoring import ScoringRunner
from mlx_convert_core.running.context import JobContext


def scoring_runner(folder: Path, context: JobContext, *, trusted: bool) -> ScoringRunner:
    """A runner for the model in ``folder``, nothing of it read yet.

    Raises UnsupportedModel: nobody runs it (code ``arch``), or whoever does can't score a text (code ``no_scores``).
    """
    trouble = mac_trouble()
    if trouble is not None:
        raise MeasuringFailed(trouble.message, hint=trouble.hint, code=trouble.code)
    plugin, runner = runner_of(folder, context, trusted=trusted)
    if not isinstance(runner, ScoringRunner):
        raise UnsupportedModel(
            f"the plugin {plugin} runs {model_name(folder)}, but can't say how likely a text is to it.",
            hint="Its speed can be measured. Ask the plugin's author for the methods of a ScoringRunner.",
            code="no_scores",
        )
    return runner


@contextmanager
def splitting(folder: Path, context: JobContext, *, trusted: bool) -> Iterator[Tokenize]:
    """How the model in ``folder`` splits text. Its tokenizer goes at the end: of a large vocabulary it takes more than
    many a model, which is run by a runner of its own. Raises what `scoring_runner` raises."""
    runner = scoring_runner(folder, context, trusted=trusted)
    try:
        yield runner.tokens
    finally:
        runner.close()
        give_back_memory()
