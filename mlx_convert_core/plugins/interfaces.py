"""What a provider hook must hand back, as protocols. Any object with these members will do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from mlx_convert_core.model.attachments import Sense
    from mlx_convert_core.model.checkpoint import Checkpoint
    from mlx_convert_core.model.choosing import Chosen, MeasuredLayer, ModelSizes
    from mlx_convert_core.model.events import Step, Unit
    from mlx_convert_core.model.findings import Finding
    from mlx_convert_core.model.inspection import ModelInfo
    from mlx_convert_core.model.library import LibraryEntry
    from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
    from mlx_convert_core.model.quantization import LayerInfo, Quantization, QuantizeStrategy
    from mlx_convert_core.model.requests import (
        GenerateRequest,
        GenerateResult,
        GenerationExtras,
        UploadRequest,
        UploadResult,
    )
    from mlx_convert_core.model.rounding import Calibration, LayerRows, Needs
    from mlx_convert_core.writing.read_back import PartRead


class Reporter(Protocol):
    """How running work tells its news and learns that it was cancelled."""

    def progress(self, step: Step, done: int, total: int, unit: Unit = "bytes", *, found: int = 0) -> None:
        """Report that ``done`` of ``total`` is really done; cheap enough to call for every tensor.

        ``found`` of it was there already: that took no time, and says nothing about the time that is left.
        """

    def message(self, text: str, level: Any = "info") -> None:
        """Send a line for people."""

    def token(self, text: str) -> None:
        """Send a piece of an answer."""

    def check_cancelled(self) -> None:
        """Raise Cancelled when the job was cancelled; call at every tensor, token and chunk."""


@runtime_checkable
class ModelSource(Protocol):
    """Where a checkpoint comes from. Making one asks no network and reads no weight: it happens while a ref is typed.

    A member ``name``, which it may leave out, is what the model is called before anybody has looked at it.
    """

    def inspect(self) -> ModelInfo:
        """Describe the model from config.json, file list and headers. Runs in the parent, reads no weight."""

    def fetch(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        """The checkpoint as a local folder. Runs in the worker; ``scratch`` is a private folder, removed after."""


@runtime_checkable
class SmallFilesSource(ModelSource, Protocol):
    """A source that can give the files beside the weights before it gives those; `examine_files` then looks at them."""

    def small_files(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        """A folder with tokenizer, chat template and settings, but not the weights unless they are there anyway.

        Runs in the worker while a conversion is planned; ``scratch`` is a private folder, removed after.
        """


@runtime_checkable
class InPlaceSource(SmallFilesSource, Protocol):
    """A source whose weights a decoder of its plugin reads where they lie.

    A conversion then takes only what `small_files` gives; `fetch` is for who needs the whole checkpoint.
    """

    def whole_bytes(self, model: ModelInfo) -> int:
        """Bytes that `fetch` adds to the disk."""


@runtime_checkable
class CachedSource(ModelSource, Protocol):
    """A source that keeps what it fetched on this machine."""

    def cached(self) -> ModelInfo | None:
        """As `inspect`, of what is kept; None unless all of it is there. Asks no network."""


@runtime_checkable
class StreamedSource(ModelSource, Protocol):
    """A source whose weight files come one after the other, so that a conversion can begin with the first."""

    def stream(self, model: ModelInfo, scratch: Path, report: Reporter, arrived: Callable[[Path], Any]) -> Path:
        """As `fetch`, calling ``arrived`` with each weight file once it is whole. Runs on a thread of its own."""


@runtime_checkable
class DiscardableSource(StreamedSource, Protocol):
    """A source that can delete each weight file once it was used, for `ConvertRequest.discard_source`.

    Its files come in the order of their names. While ``arrived`` is false, it calls again with the same file
    before it begins another one; so at most `ModelInfo.fetch_window` unused files are here at once.
    """

    def discard(self, model: ModelInfo, path: Path) -> None:
        """Delete ``path``, which ``arrived`` was called with, and the bytes behind it; nobody needs them any more."""


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

        ``text`` is a file to make the statistics of inputs by, None for what the converter brings along. `plan` then
        says what of it is taken (`Planned.calibration`).
        """

    def calibrate(
        self, model: ModelInfo, checkpoint: Checkpoint, planned: Calibration, keep: Path, report: Reporter
    ) -> None:
        """Make the statistics that the methods need, as planned, for `convert`. Runs in a worker, before that.

        What is done goes into the folder ``keep``, which survives a crash, so that it is not done again.
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


@runtime_checkable
class ModelRunner(Protocol):
    """A model that can answer. All of it runs in a worker."""

    def load(self, report: Reporter) -> None:
        """Read the weights; called once."""

    def generate(
        self, request: GenerateRequest, extras: tuple[GenerationExtras, ...], report: Reporter
    ) -> GenerateResult:
        """Answer once, sending each piece through ``report.token``."""

    def close(self) -> None:
        """Let go of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerMemory:
    """Bytes that a loaded model takes: ``weights``, and the ``cache`` of a context. ``limit`` is the most that the
    computing device lends a program, 0 when that is all of the machine's memory."""

    weights: int
    cache: int = 0
    limit: int = 0


@runtime_checkable
class MeasuredRunner(ModelRunner, Protocol):
    """A runner that knows what its model takes before the weights are read."""

    def memory(self, tokens: int) -> AnswerMemory:
        """What answering takes with a context of ``tokens``, prompt and answer together. Called once, before `load`."""


@runtime_checkable
class SensingRunner(ModelRunner, Protocol):
    """A runner whose model sees or hears. Others are never asked with ``attachments``."""

    senses: frozenset[Sense]
    """``picture``, ``sound``, or both; known once the model is loaded."""


@runtime_checkable
class LibraryStore(Protocol):
    """Where the list of converted models is kept. Runs in the parent."""

    def entries(self) -> tuple[LibraryEntry, ...]:
        """All entries, newest first."""

    def add(self, entry: LibraryEntry) -> None:
        """Add ``entry``, replacing the one with the same path; paths come as the disk spells them, without links."""

    def remove(self, path: Path) -> None:
        """Forget the entry at ``path``; deletes no file. Raises EntryNotFound."""


@runtime_checkable
class UploadTarget(Protocol):
    """Somewhere a converted model can be sent. ``summary`` says in a sentence what its names look like."""

    name: str
    summary: str

    def check(self, request: UploadRequest) -> UploadRequest:
        """The request with its name filled in. Raises before anything moves: name, sign-in, rights, what is there.

        Runs in the parent; the folder need not be there yet.
        """

    def preview(self, request: UploadRequest) -> str:
        """The model card that would be sent, in Markdown; "" when none is. Runs in the parent, moves nothing."""

    def upload(self, request: UploadRequest, report: Reporter) -> UploadResult:
        """Send what is missing there, as step ``upload``. Runs in a worker, with a checked request."""
