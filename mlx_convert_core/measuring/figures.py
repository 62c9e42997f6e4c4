"""From a number for each token to figures with intervals."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from mlx_convert_core.measuring.intervals import interval, paired_ratio, samples
from mlx_convert_core.model.measurements import MeasuredFigure
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.plugins.scoring import Metric, PerToken, TokenScores

_HOOK = "register_metrics"
Numbers = list["array[float]"]  # of each sequence


class Tally:
    """Collects what the ``metrics`` say of each token; those that share a function share its numbers.

    Whatever a metric raises or gives that is no number is told as a fault of its plugin (PluginError).
    """

    def __init__(self, metrics: Sequence[Metric], hooks: Hooks, sequences: int, *, compared: bool) -> None:
        self._metrics = [metric for metric in metrics if compared or not metric.compares]
        self._hooks = hooks
        self._compared = compared
        self._own = {metric.per_token: _empty(sequences) for metric in self._metrics}
        self._source = {metric.per_token: _empty(sequences) for metric in self._metrics if not metric.compares}

    def add(self, sequence: int, scores: TokenScores) -> None:
        """Take the next piece of the sequence with this number."""
        alone = TokenScores(tokens=scores.tokens, log_probs=scores.log_probs)
        theirs = TokenScores(tokens=scores.tokens, log_probs=scores.reference)
        done: set[PerToken] = set()
        for metric in self._metrics:
            if metric.per_token in done:
                continue
            done.add(metric.per_token)
            self._own[metric.per_token][sequence].extend(self._numbers(metric, scores if metric.compares else alone))
            if self._compared and not metric.compares:
                self._source[metric.per_token][sequence].extend(self._numbers(metric, theirs))

    def figures(self) -> tuple[MeasuredFigure, ...]:
        """Every metric's figure, in the order of the metrics."""
        return tuple(map(self._figure, self._metrics))

    def _numbers(self, metric: Metric, scores: TokenScores) -> Iterable[float]:
        try:
            found = array("d", [float(number) for number in metric.per_token(scores)])
            if len(found) != len(scores.tokens):
                raise ValueError(f"{metric.name} gave {len(found)} numbers for {len(scores.tokens)} tokens")
        except Exception as error:
            raise self._fault(metric, error) from error
        return found

    def _figure(self, metric: Metric) -> MeasuredFigure:
        own = self._own[metric.per_token]
        theirs = self._source.get(metric.per_token, []) if self._compared else []
        try:
            value, ours = metric.summary(own), samples(own, metric.summary)
            source = metric.summary(theirs) if theirs else None
            span = paired_ratio(ours, samples(theirs, metric.summary)) if theirs else None
            each = tuple(float(metric.summary([numbers])) for numbers in own)
        except Exception as error:
            raise self._fault(metric, error) from error
        low, high = interval(ours)
        return MeasuredFigure(
            name=metric.name,
            title=metric.title,
            unit=metric.unit,
            better=metric.better,
            value=float(value),
            low=float(low),
            high=float(high),
            source=None if source is None else float(source),
            ratio=(value / source, *span) if span is not None and source else None,
            by_sequence=each,
        )

    def _fault(self, metric: Metric, error: Exception) -> Exception:
        return self._hooks.fault(self._hooks.owner(_HOOK, metric.name), _HOOK, error)


def _empty(sequences: int) -> Numbers:
    return [array("d") for _ in range(sequences)]
