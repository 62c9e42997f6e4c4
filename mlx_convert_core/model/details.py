"""Everything that a model's own folder says of it, and how it compares with others made of the same source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mlx_convert_core.base.file_names import CONFIG, RECORD, WEIGHTS
from mlx_convert_core.base.regular_files import regular_files
from mlx_convert_core.errors import CorruptCheckpoint
from mlx_convert_core.model.card import card_text
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.figures import QUALITY, SPEED, KeptFigure, figures_in, groups_in, is_stale
from mlx_convert_core.model.fit import Fit, fit
from mlx_convert_core.model.library import LibraryEntry
from mlx_convert_core.model.record import Record, RecordedFile, read_record
from mlx_convert_core.model.safetensors import all_tensors, read_header
from mlx_convert_core.model.stored_layers import StoredLayer, stored_layers

KL, SPEED_FIGURE, PERPLEXITY = "kl_mean", "generation_tokens_per_second", "perplexity"
FileState = Literal["same", "changed", "missing", "added"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A file of a model: its bytes as it is now (as recorded, of one that is ``missing``), and its recorded sha256, ""
    for none.

    ``state`` compares what is there with the record: ``same`` in size, ``changed``, ``missing``, or ``added`` since.
    """

    name: str
    size: int
    sha256: str = ""
    state: FileState = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredModel:
    """One of the models made of a source: its figures by name, as far as they were measured and still hold.

    ``text`` names the text that its quality was measured with: figures of different texts don't compare.
    """

    entry: LibraryEntry
    figures: Mapping[str, KeptFigure]
    text: str = ""

    def value(self, name: str) -> float | None:
        """The figure called ``name``, None when it was not measured."""
        found = self.figures.get(name)
        return found.value if found is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetails:
    """A model, looked into. ``record`` is how it came to be, empty for one that another tool made.

    ``verified`` is what was seen to be right of these very files; ``card`` is its README without the front matter,
    somebody's text; ``measured`` are all models of the same source, this one first, and then by size. ``trouble`` says
    why ``layers`` are not known.
    """

    entry: LibraryEntry
    record: Record = field(default_factory=Record)
    verified: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    weight_bytes: int = 0
    layers: tuple[StoredLayer, ...] = ()
    files: tuple[ModelFile, ...] = ()
    card: str = ""
    measured: tuple[MeasuredModel, ...] = ()
    trouble: str = ""

    @property
    def fit(self) -> Fit:
        """Whether it fits into this machine's memory now."""
        return fit(self.weight_bytes, self.config)

    @property
    def proof(self) -> str:
        """What is known to be right of it, in a line, "" when nothing is."""
        return proof(self.verified, self.measured[0].figures if self.measured else {})


def proof(verified: Iterable[str], figures: Mapping[str, KeptFigure]) -> str:
    """``Verified: 272 of 272 tensors as planned, loads, answers 16 tokens · KL divergence 0.021``, as far as it is
    known: what was verified, and of its ``figures`` the one against the source."""
    seen = ", ".join(verified)
    told = f"KL divergence {figures[KL].value:.3g}" if KL in figures else ""
    return " · ".join(filter(None, (f"Verified: {seen}" if seen else "", told)))


def details_of(entry: LibraryEntry, known: Iterable[LibraryEntry]) -> ModelDetails:
    """What the folder of ``entry`` says, and which of the ``known`` entries were made of the same source.

    Reads headers, settings and the card, never weights; what can't be read is told in ``trouble``. Raises nothing.
    """
    folder = entry.path
    record = read_record(folder) or Record()
    config, layers, trouble = _looked_into(folder)
    return ModelDetails(
        entry=entry,
        record=record,
        verified=entry.still_verified(),
        config=config,
        weight_bytes=sum(layer.nbytes for layer in layers),
        layers=layers,
        files=tuple(_files(folder, record.files)),
        card=card_text(folder),
        measured=measured_of(entry, known),
        trouble=trouble,
    )


def measured_of(entry: LibraryEntry, known: Iterable[LibraryEntry]) -> tuple[MeasuredModel, ...]:
    """``entry``, and after it by size those of ``known`` that were made of the same source, with their figures."""
    others = [one for one in known if entry.source and one.source == entry.source and one.path != entry.path]
    return tuple(map(_measured, [entry, *sorted(others, key=lambda one: one.size)]))


def _measured(entry: LibraryEntry) -> MeasuredModel:
    groups = {name: group for name, group in groups_in(entry.measurements).items() if not is_stale(group, entry.path)}
    held = {figure.name: figure for name in (QUALITY, SPEED) for figure in figures_in(groups.get(name, {}))}
    return MeasuredModel(entry=entry, figures=held, text=str(groups.get(QUALITY, {}).get("text", "")))


def _looked_into(folder: Path) -> tuple[dict[str, Any], tuple[StoredLayer, ...], str]:
    try:
        config = read_config(folder / CONFIG)
        tensors = all_tensors(map(read_header, sorted(folder.glob(WEIGHTS))), folder.name)
    except OSError as error:
        return {}, (), f"{error.filename or folder} can't be read: {error.strerror or error}."
    except CorruptCheckpoint as error:
        return {}, (), error.message
    return config, stored_layers(tensors, config), ""


def _files(folder: Path, recorded: Mapping[str, RecordedFile]) -> Iterator[ModelFile]:
    """The files of the folder, those of the record first."""
    try:
        there = {path.relative_to(folder).as_posix(): path.stat().st_size for path in regular_files(folder, below=True)}
    except (OSError, CorruptCheckpoint):
        there = {name: size for name in recorded if (size := _size(folder / name)) >= 0}
    for name, file in sorted(recorded.items()):
        now = there.get(name)
        state: FileState = "missing" if now is None else "same" if now == file.size else "changed"
        yield ModelFile(name=name, size=file.size if now is None else now, sha256=file.sha256, state=state)
    for name in sorted(there.keys() - recorded.keys()):
        yield ModelFile(name=name, size=there[name], state="added" if recorded and name != RECORD else "same")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
