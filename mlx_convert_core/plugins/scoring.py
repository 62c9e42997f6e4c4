"""What measuring asks of a runner, and what it hands to a metric. Any object with a protocol's members will do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from mlx_convert_core.model.safetensors import DTYPE_BYTES
from mlx_convert_core.plugins.interfaces import AnswerMemory, ModelRunner, Reporter

if TYPE_CHECKING:
    from mlx_convert_core.model.events import Step
from mlx_convert_core.model.measurements import Passage
from mlx_convert_core.model.tasks import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenStates:
    """What a model's output head is applied to, exactly as it was computed: ``width`` numbers for each token.

    ``data`` holds their bytes, token after token, little-endian; ``dtype`` is ``F32``, ``BF16`` or ``F16``.
    """

    dtype: str
    width: int
    data: bytes | memoryview

    @property
    def tokens(self) -> int:
        """For how many tokens there are states."""
        return len(self.data) // (self.width * DTYPE_BYTES[self.dtype])

    def rows(self, start: int, stop: int) -> HiddenStates:
        """Those of the tokens from ``start`` to before ``stop``; nothing is copied."""
        each = self.width * DTYPE_BYTES[self.dtype]
        return HiddenStates(dtype=self.dtype, width=self.width, data=memoryview(self.data)[start * each : stop * each])


class ScoringHead(Protocol):
    """A model's output head alone; its other weights need not be in memory."""

    def log_probabilities(self, states: HiddenStates) -> Any:
        """The logarithm of each word's probability, shape (tokens, vocabulary), float32: an array of MLX or NumPy."""


@runtime_checkable
class ScoringRunner(ModelRunner, Protocol):
    """A runner that can say how likely each token of a text is. `load` is not called; one method follows the other."""

    def tokens(self, passages: Sequence[Passage]) -> list[list[int]]:
        """Each passage's token ids, with whatever the tokenizer puts before a text. Reads no weight."""

    def scoring_memory(self, lengths: Sequence[int]) -> AnswerMemory:
        """What `hidden_states` takes at most, for sequences of these ``lengths``, in tokens. Reads no weight."""

    def hidden_states(
        self, sequences: Sequence[Sequence[int]], report: Reporter, *, step: Step
    ) -> Iterable[HiddenStates]:
        """The states of each sequence, in order. Tells ``report`` its progress as ``step``, in tokens.

        Computed in float32: what 16 bits lose there is as large as what eight bits of a weight lose.
        """

    def head(self) -> ScoringHead:
        """The output head; called after `hidden_states`, or instead of it. The rest of the weights goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScores:
    """A piece of a text, as one model sees it, or two.

    ``tokens`` are the ids that came. ``log_probs`` holds, for each, the logarithm of every word's probability in its
    place, shape (tokens, vocabulary), float32, an array of MLX or NumPy; ``reference`` the same of the source, None
    where there is none.
    """

    tokens: Sequence[int]
    log_probs: Any
    reference: Any = None


PerToken = Callable[[TokenScores], Iterable[float]]
Summary = Callable[[Sequence[Sequence[float]]], float]


def mean(sequences: Sequence[Sequence[float]]) -> float:
    """The mean over all tokens of all sequences."""
    return sum(map(sum, sequences)) / sum(map(len, sequences))


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure of a model's quality.

    ``per_token`` gives a number for each token of a piece of text, ``summary`` makes the figure of all of them: it is
    handed the numbers of each sequence, again and again with other sequences, for the interval. ``title`` and ``unit``
    ("nats"; "" for none) are for people. A metric with ``compares`` sees the source's probabilities, too; any other is
    worked out for the source as well, and the two are compared.
    """

    name: str
    title: str
    per_token: PerToken
    better: Literal["lower", "higher"]
    summary: Summary = mean
    unit: str = ""
    compares: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuringText:
    """A text to measure with; ``load`` reads its passages, each a sequence at least, best of several kinds."""

    name: str
    title: str
    load: Callable[[], Iterable[Passage]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSet:
    """Questions to measure with; ``load`` gives them. Some hundred tell models apart that differ by a few per cent."""

    name: str
    title: str
    load: Callable[[], Iterable[Question]]


def pieces(tokens: int, rows: int) -> Iterator[tuple[int, int]]:
    """Where each piece of a sequence begins and ends: at most ``rows`` tokens, the last token foretells nothing."""
    for start in range(0, tokens - 1, rows):
        yield start, min(start + rows, tokens - 1)
