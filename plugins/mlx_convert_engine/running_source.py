"""A source that is to run: as it is stored, or as a copy of what decoders show where a model class can't take that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlx_convert_core.plugin import Checkpoint, DecodedModel, Reporter, regular_files
from mlx_convert_engine.filling import copied, copied_bytes
from mlx_convert_engine.forward.blocks import Load
from mlx_convert_engine.model_classes import LazyModel, ModelClasses
from mlx_convert_engine.source_files import SourceFiles
from mlx_convert_engine.source_model import readable, undecoded, why_not_run


class RunningSource:
    """``source``, to be run by the model classes of ``classes``."""

    def __init__(self, classes: ModelClasses, source: DecodedModel) -> None:
        self._classes = classes
        self._source = source
        self._needs_copy = bool(why_not_run(source))

    @property
    def disk(self) -> int:
        """The bytes of the copy, 0 where none is needed."""
        return copied_bytes(self._source) if self._needs_copy else 0

    @contextmanager
    def opened(self, checkpoint: Checkpoint, keep: Path, report: Reporter) -> Iterator[tuple[Path, Load]]:
        """The folder of ``checkpoint``, for its tokenizer, and what loads its model; a copy stands in ``keep``."""
        folder = checkpoint.folder(report.check_cancelled)
        if not self._needs_copy:
            yield folder, lambda: self._classes.load(folder, self._source.stored)
            return
        with self.copy(checkpoint, keep, report) as copy:
            yield folder, lambda: self._classes.load(copy, self._source.model)

    @contextmanager
    def copy(self, checkpoint: Checkpoint, place: Path, report: Reporter) -> Iterator[Path]:
        """A folder in ``place`` with all values, as decoders show them; see `copied`."""
        source, check_cancelled = self._source, report.check_cancelled
        folder = checkpoint.folder(check_cancelled)
        place.mkdir(exist_ok=True)
        files = SourceFiles(checkpoint, source.stored.tensors, check_cancelled, source.readers)
        with files, copied(source, regular_files(folder), files, place, check_cancelled) as copy:
            yield copy

    @contextmanager
    def planned(self) -> Iterator[Load]:
        """What loads the model without its values; what runs as it is stored is expanded by its own class."""
        shown = self._source if self._needs_copy else undecoded(self._source.stored)
        with readable(shown) as folder:

            def load() -> LazyModel:
                return self._classes.load(folder, shown.model)

            yield load
