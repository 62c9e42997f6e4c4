"""What the Library page shows of each model, read from disk on a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from mlx_convert_core import LibraryEntry, MlxConvertError
from mlx_convert_core.plugin import Condition, KeptFigure, condition_of, figures_in, groups_in, proof
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.words import N_, _, joined, plural

# Of what was measured, what stands in a row: by its name, as it is said there.
_MAIN = {"perplexity": N_("perplexity"), "generation_tokens_per_second": N_("tokens/s")}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LibraryRow:
    """A library entry, whether its folder was there when it was read and, once it was looked at, what became of it."""

    entry: LibraryEntry
    missing: bool
    condition: Condition | None = None

    def looked_at(self) -> LibraryRow:
        """The same, after a look at its files: for the few that are shown, as ten thousand would take too long."""
        if self.condition is not None:
            return self
        return replace(self, condition="missing" if self.missing else condition_of(self.entry))

    @property
    def verified(self) -> tuple[str, ...]:
        """What was verified of these very files."""
        return self.entry.verified if self.condition == "whole" else ()

    @property
    def origin(self) -> str:
        """Where the model came from, in words."""
        if self.entry.source:
            return _("from {source}", source=self.entry.source)
        return "" if self.entry.made_here else _("made elsewhere")

    @property
    def takes(self) -> str:
        """``text only`` for a model that has lost pictures and sound."""
        return _("text only") if self.entry.text_only else ""

    @property
    def _figures(self) -> dict[str, KeptFigure]:
        return {one.name: one for group in groups_in(self.entry.measurements).values() for one in figures_in(group)}

    @property
    def proof(self) -> str:
        """``Verified: 272 of 272 tensors as planned … · KL divergence 0.02``, as far as it is known."""
        return proof(self.verified, self._figures)

    @property
    def measured(self) -> str:
        """Its other main figures in one line: ``perplexity 12.3 · tokens/s 50``."""
        figures = self._figures
        told = [f"{_(words)} {figures[name].value:.3g}" for name, words in _MAIN.items() if name in figures]
        others = [f"{one.title} {one.value:.4g}" for one in figures_in(groups_in(self.entry.measurements).get("", {}))]
        return joined(*told, *(one for one in others if not told))


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryRows:
    """The whole library as it was read; ``problem`` says what could not be."""

    rows: tuple[LibraryRow, ...] = ()
    problem: MlxConvertError | None = None
    mended: str = ""


def read(studio: Studio) -> LibraryRows:
    """The library now, newest first. Reads the disk: call it on a thread."""
    try:
        entries: Sequence[LibraryEntry] = studio.workspace.library.entries()
        rows = tuple(LibraryRow(entry=entry, missing=entry.missing) for entry in entries)
        return LibraryRows(rows=rows, mended=studio.workspace.library_problem)
    except MlxConvertError as error:
        return LibraryRows(problem=error)


def size_of(rows: Sequence[LibraryRow]) -> int:
    """Bytes of all of them; what has vanished has none."""
    return sum(row.entry.size for row in rows if not row.missing)


def models(number: int) -> str:
    """``1 model``, ``3 models``."""
    return plural("{count:,} model", "{count:,} models", number)


def page_of(path: Path) -> str:
    """The address of the page of the model at ``path``."""
    return f"/model?model={quote(str(path))}"
