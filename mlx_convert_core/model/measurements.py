"""What is measured of a converted model: what a caller asks for, and the figures that come back."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlx_convert_core.base.addresses import without_secrets
from mlx_convert_core.base.paths import spelled
from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.model.chat_message import ChatMessage
from mlx_convert_core.model.figures import QUALITY, TASKS, Figure
from mlx_convert_core.remedies import LeaveOut

TOKENS = 8192  # with 16 sequences of 512 tokens, the ratio of two results is known to about 3 %
FEWEST_TOKENS, MOST_TOKENS = 512, 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of text to measure with; one of several ``turns`` is put into words by the model's chat template."""

    kind: str = ""
    text: str = ""
    turns: tuple[ChatMessage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRequest:
    """Measure a model's quality.

    ``against`` is the ref of what it was made from, ``revision`` that of the ref; "" means: as its record and the
    library say. ``text`` is a file with a text of one's own, or the name of one that a plugin offers, "" the one that
    comes along; of it, about ``tokens`` tokens are used. With ``tasks``, a file of questions or the name of some that a
    plugin offers, what is measured is how many the model answers rightly, and no text is. ``anyway`` goes on where
    memory is short. Raises InvalidRequest (codes ``out_of_range``, ``tasks``).
    """

    against: str = ""
    revision: str | None = None
    text: str = ""
    tokens: int = TOKENS
    tasks: str = ""
    trust_remote_code: bool = False
    anyway: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "against", without_secrets(self.against))
        spelled(Path(self.text))
        spelled(Path(self.tasks))
        if self.text and self.tasks:
            raise InvalidRequest(
                "a text and tasks can't be measured in one go.",
                hint="Measure one after the other: the figures of both are kept.",
                remedies=(LeaveOut("text"), LeaveOut("tasks")),
                code="tasks",
            )
        if not FEWEST_TOKENS <= self.tokens <= MOST_TOKENS:
            raise InvalidRequest(
                f"{self.tokens:,} tokens can't be measured with.",
                hint=f"Use a number from {FEWEST_TOKENS:,} to {MOST_TOKENS:,}; {TOKENS:,} are usual.",
                code="out_of_range",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredFigure:
    """One figure: ``value``, and from ``low`` to ``high`` its 95 % interval, from resampled sequences.

    ``source`` is the same figure of the source, ``ratio`` with its interval is ``value`` over that, and ``difference``,
    of shares of right answers, ``value`` less that; all from the same sequences, None where there is none.
    ``by_sequence`` has each sequence's own figure, or each question's.
    """

    name: str
    title: str
    better: Literal["lower", "higher"]
    value: float
    low: float
    high: float
    unit: str = ""
    source: float | None = None
    ratio: tuple[float, float, float] | None = None
    difference: tuple[float, float, float] | None = None
    by_sequence: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureResult:
    """How good the model in ``path`` is. ``against`` names its source, "" when there was none to compare with.

    ``text`` names the text, ``text_hash`` is the sha256 of its token ids; ``tokens`` of them, in ``sequences``, were
    foretold. ``verdict`` says in a sentence what the figures mean, ``reason`` why. ``seconds`` and ``peak_memory``
    (bytes) are what it took; ``reused`` when the source had been read before.

    Of tasks, ``questions`` is how many there were, 0 of a text; ``text`` names them, and ``sequences`` are what was
    read: one for each answer that a question may have.
    """

    path: Path
    name: str
    against: str
    text: str
    text_hash: str
    tokens: int
    sequences: int
    figures: tuple[MeasuredFigure, ...]
    verdict: str = ""
    reason: str = ""
    measured: str = ""
    weights: str = ""
    seconds: float = 0.0
    peak_memory: int = 0
    reused: bool = False
    questions: int = 0

    @property
    def group(self) -> str:
        """As which group of figures it is kept with the model."""
        return TASKS if self.questions else QUALITY

    def figure(self, name: str) -> MeasuredFigure:
        """The figure called ``name``; raises KeyError."""
        return {figure.name: figure for figure in self.figures}[name]

    def recorded(self) -> dict[str, Figure]:
        """What is kept with the model, as plain values; see `figures.figures_in`."""
        kept: dict[str, Figure] = {}
        for figure in self.figures:
            kept[figure.name] = _digits(figure.value)
            kept[f"{figure.name} low"], kept[f"{figure.name} high"] = _digits(figure.low), _digits(figure.high)
            if figure.source is not None:
                kept[f"{figure.name} of source"] = _digits(figure.source)
        name = "set" if self.questions else "text"
        about = {"against": self.against, "verdict": self.verdict, name: self.text, "text_hash": self.text_hash}
        kept |= {name: value for name, value in about.items() if value}
        counts = {"questions": self.questions} if self.questions else {}
        return kept | {
            **counts,
            "tokens": self.tokens,
            "sequences": self.sequences,
            "measured": self.measured,
            "weights": self.weights,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """Measure a model's speed: prompts of the lengths ``prompts``, answers of ``answer`` tokens, ``runs`` times.

    Raises InvalidRequest (code ``out_of_range``).
    """

    prompts: tuple[int, ...] = (512,)
    answer: int = 128
    runs: int = 3
    trust_remote_code: bool = False
    anyway: bool = False

    def __post_init__(self) -> None:
        for name, values, low, high in (
            ("a prompt's length", self.prompts, 16, 1_000_000),
            ("an answer's length", (self.answer,), 8, 100_000),
            ("the number of runs", (self.runs,), 1, 100),
        ):
            if not values or not all(low <= value <= high for value in values):
                raise InvalidRequest(
                    f"{name} is {', '.join(map(str, values)) or 'missing'}, which is outside {low:,} to {high:,}.",
                    hint=f"Use a number from {low:,} to {high:,}.",
                    code="out_of_range",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of several runs, and the least and the most."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """That of ``values``, at least one."""
        return cls(median=statistics.median(values), low=min(values), high=max(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRow:
    """The speed with prompts of about one length, ``prompt_tokens``: rates in tokens a second, times in seconds."""

    prompt_tokens: int
    generation_tokens: int
    prompt_tokens_per_second: Spread
    generation_tokens_per_second: Spread
    time_to_first_token: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """How fast the model in ``path`` is on ``device``, after an answer that does not count.

    ``load_seconds`` is until it was ready, ``peak_memory`` in bytes; ``versions`` are those of what computes.
    """

    path: Path
    name: str
    device: str
    rows: tuple[BenchRow, ...]
    load_seconds: float
    peak_memory: int
    runs: int
    versions: Mapping[str, str]
    measured: str = ""
    weights: str = ""

    def recorded(self) -> dict[str, Figure]:
        """What is kept with the model, as plain values: of the first length."""
        row = self.rows[0]
        kept: dict[str, Figure] = {}
        for name in ("prompt_tokens_per_second", "generation_tokens_per_second", "time_to_first_token"):
            spread: Spread = getattr(row, name)
            kept[name] = _digits(spread.median)
            kept[f"{name} low"], kept[f"{name} high"] = _digits(spread.low), _digits(spread.high)
        kept |= {"load_seconds": _digits(self.load_seconds), "peak_memory": self.peak_memory}
        kept |= {"prompt_tokens": row.prompt_tokens, "generation_tokens": row.generation_tokens, "runs": self.runs}
        about = {"device": self.device, "measured": self.measured, "weights": self.weights}
        return kept | about | dict(self.versions)


def _digits(value: float) -> float:
    """``value`` with as many digits as a person could want, so that a record stays readable."""
    return float(f"{value:.6g}")
