"""What `model_converter`, `quantize_strategy` and `quantize_method` must hand back, and what a converter answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from mlx_convert_core.model.checkpoint import Checkpoint
    from mlx_convert_core.model.choosing import Chosen, MeasuredLayer, ModelSizes
    from mlx_convert_core.model.findings import Finding
    from mlx_convert_core.model.inspection import ModelInfo
    from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
    from mlx_convert_core.model.quantization import LayerInfo, Quantization, QuantizeStrategy
    from mlx_convert_core.model.rounding import Calibration, LayerRows, Needs
    from mlx_convert_core.plugins.interfaces import Reporter
    from mlx_convert_core.writing.read_back import PartRead


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A converter's exact plan of every output, and the bytes of memory that carrying it out will take.

    ``findings`` are what only the exact plan shows.
    ``source_bytes`` of weight files are on the disk at once, at most, when each is discarded after its use;
    None when the converter does not discard. ``memory_limit`` is the most that the computing device lets a program
    take, 0 when it sets no limit of its own. ``calibration`` is the text by which a method's statistics will be made,
    None when no method needs any; what is learned by it takes at most ``learned_bytes`` on the disk.
    """

    outputs: tuple[OutputPlan, ...]
    peak_memory: int
    source_bytes: int | None = None
    memory_limit: int = 0
    findings: tuple[Finding, ...] = ()
    calibration: Calibration | None = None
    learned_bytes: int = 0


@runtime_checkable
class QuantizeMethod(Protocol):
    """A way of rounding a layer's numbers. Made in the parent as well as in the worker: import lazily."""

    name: str
    needs: Needs
    """What it has to know of a layer's inputs; ``nothing`` needs no text, and takes no longer than reading."""

    def quantize(self, rows: LayerRows) -> tuple[Any, Any, Any]:
        """Weight, scales and biases of ``rows``, in the shapes and types of mx.quantize; not yet computed, or already.

        Rows are rounded in pieces, several at a time, each on the stream that is the default one; the same rows have to
        give the same bits. A layer of whose inputs nothing is known is not asked for, but rounded to nearest.
        """


@runtime_checkable
class MeasuredStrategy(Protocol):
    """A strategy that chooses the numbers of all layers together, once it was measured what each would do to them.

    Made in the parent as well as in the worker. A layer that its model class keeps, or gives numbers of its own, is not
    asked for.
    """

    def options(self, layer: LayerInfo) -> Sequence[Quantization]:
        """The numbers to measure ``layer`` with, at least one; all affine, with group sizes that divide its width."""

    def limit(self, sizes: ModelSizes) -> int:
        """Bytes of tensors that the output has at most, told before anything is measured.

        Raises InvalidRequest when what was asked for can't be had.
        """

    def choose(self, layers: Sequence[MeasuredLayer], room: int) -> Mapping[str, Quantization]:
        """The numbers of each layer, by its path: one of its choices, all of them together ``room`` bytes at most.

        The same layers and room have to give the same answer.
        """

    def repeated(self, choice: Mapping[str, Quantization | None]) -> str:
        """The name of a strategy that gives these numbers again without measuring, None to a layer that is kept."""


@runtime_checkable
class ProvenStrategy(MeasuredStrategy, Protocol):
    """A strategy that promises how close the result is to its source; which is measured before it is published.

    An output that does not keep the promise, or is much larger than that takes, is made again with other numbers.
    """

    divergence: float
    """The mean KL divergence (nats) from the source, over the text that models are measured with, at most."""

    def expecting(self, error: float) -> ProvenStrategy:
        """The same strategy, choosing the fewest bytes whose errors are ``error`` in sum; as few as can be for 0."""


@runtime_checkable
class HereStrategy(MeasuredStrategy, Protocol):
    """A strategy that goes by what this machine lends: its `limit` is told `ModelSizes.here`."""

    context: int
    """The tokens that the result is to answer with beside its weights."""

    def settled(self, limit: int) -> str:
        """The name of the strategy that allows weight files of ``limit`` bytes on any machine."""


AnyStrategy: Any = Callable | MeasuredStrategy
"""What `quantize_strategy` has to give; what a function takes is not seen before it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a converter found for one output: the numbers of every layer by its path, and how they came about."""

    layers: Mapping[str, Quantization | None]
    chosen: Chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a converter wrote into one folder: the xxh3-128 (hex) of each tensor's bytes, by its name.

    ``read`` is what of each weight file it has read back and compared already (`ShardWriter.read`), ``findings`` what
    it noticed in the weights; an error finding refuses.
    """

    digests: Mapping[str, str]
    read: Mapping[str, PartRead] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@runtime_checkable
class ModelConverter(Protocol):
    """Turns a checkpoint into MLX folders. Made in the worker as well as in the parent: import lazily."""

    name: str

    def examine(self, plan: ConvertPlan) -> Iterable[Finding]:
        """What stands in the way, from config and headers alone. Runs in the parent, imports nothing heavy."""

    def plan(
        self, model: ModelInfo, outputs: tuple[OutputPlan, ...], strategies: Mapping[str, QuantizeStrategy]
    ) -> Planned:
        """The exact plan of each output, by the real model class and without weights. Runs in a worker.

        ``strategies`` holds the named strategy of each output that has one, by the output's preset.
        """

    def convert(
        self,
        model: ModelInfo,
        checkpoint: Checkpoint,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, QuantizeStrategy],
        folders: tuple[Path, ...],
        report: Reporter,
    ) -> tuple[Written, ...]:
        """Write weights, index and config.json of each output, exactly as planned, into its folder.

        ``checkpoint`` may still be arriving: its `folder` waits for all of it, its `shard` for one file; where
        it ``discards``, `release` says that a shard is needed no more. The parent of each folder is private to the
        job too, and survives a crash for the sake of ``--resume``.

        Runs in a worker. The core copies tokenizer and licence files, checks every tensor and publishes.
        """


@runtime_checkable
class RoundingConverter(ModelConverter, Protocol):
    """A converter that rounds by methods (`quantize_method`); any other one is asked for ``nearest`` only."""

    def rounding(self, methods: Mapping[str, QuantizeMethod], text: Path | None) -> RoundingConverter:
        """A converter that rounds each output by its method, given by the output's preset.

        ``text`` is a file to make the statistics of inputs by, None for what the converter brings along; one of
        `WITHOUT_TEXT` for what is no text. `plan` then says what of it is taken (`Planned.calibration`).
        """

    def calibrate(
        self, model: ModelInfo, checkpoint: Checkpoint, planned: Calibration, keep: Path, report: Reporter
    ) -> Calibration | None:
        """Make the statistics that the methods need, as planned, for `convert`. Runs in a worker, before that.

        Gives what was taken in place of a text that nobody can read, None where it is as planned. What is done goes
        into the folder ``keep``, which survives a crash, so that it is not done again.
        Raises InvalidRequest (code ``calibration``) when the text is not what was planned, or too short.
        """


@runtime_checkable
class MeasuringConverter(RoundingConverter, Protocol):
    """A converter that measures what numbers do to a layer, for strategies that go by it (`MeasuredStrategy`).

    Its `plan` gives an output with such a strategy the most that it can come to (`OutputPlan.at_most`).
    """

    def choose(
        self,
        model: ModelInfo,
        checkpoint: Checkpoint,
        outputs: tuple[OutputPlan, ...],
        strategies: Mapping[str, MeasuredStrategy],
        keep: Path,
        report: Reporter,
    ) -> Mapping[str, Choice]:
        """Measure, and have each of ``strategies`` choose, by the output's preset. Runs in a worker, after `calibrate`.

        What is measured goes into the folder ``keep``, which survives a crash, so that it is not done again.
        """
