"""Built-in plugin: the figures of a model's quality, and what they are measured with.

NumPy and MLX are imported inside functions, in the worker.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlx_convert_core.plugin import hookimpl

if TYPE_CHECKING:
    from mlx_convert_core.plugin import MeasuringText, Metric, TaskSet


@hookimpl
def register_metrics() -> Iterable[Metric]:
    """Offer KL divergence, agreement and perplexity."""
    from mlx_convert_quality.metrics import METRICS

    return METRICS


@hookimpl
def register_texts() -> Iterable[MeasuringText]:
    """Offer the text that comes along."""
    from mlx_convert_quality.texts import EVALUATION

    yield EVALUATION


@hookimpl
def register_tasks() -> Iterable[TaskSet]:
    """Offer the questions that come along."""
    from mlx_convert_quality.tasks import QUESTIONS

    yield QUESTIONS
