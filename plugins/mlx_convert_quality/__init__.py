"""Built-in plugin: the figures of a model's quality. Imports NumPy and MLX inside functions, in the worker."""

from __future__ import annotations

from collections.abc import Iterable

from mlx_convert_core.plugin import MeasuringText, Metric, hookimpl
from mlx_convert_quality.metrics import METRICS
from mlx_convert_quality.texts import EVALUATION


@hookimpl
def register_metrics() -> Iterable[Metric]:
    """Offer KL divergence, agreement and perplexity."""
    return METRICS


@hookimpl
def register_texts() -> Iterable[MeasuringText]:
    """Offer the text that comes along."""
    yield EVALUATION
