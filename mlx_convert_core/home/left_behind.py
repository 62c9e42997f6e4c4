"""Where killed programs may have left something: the folders that models are in, or are to come to, and the home."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlx_convert_core.base.paths import expanded
from mlx_convert_core.home.conversion_queue import ConversionQueue
from mlx_convert_core.home.settings import SettingsFile
from mlx_convert_core.model.library import LibraryEntry
from mlx_convert_core.writing.leftovers import Leftover, leftovers


def left_behind(
    home: Path, settings: SettingsFile, entries: Iterable[LibraryEntry], queue: ConversionQueue
) -> tuple[Leftover, ...]:
    """What is left there of conversions, deletions and writes whose program is gone; the largest first."""
    models = {expanded(settings.load().output_folder).absolute()}
    models |= {entry.path.parent for entry in entries}
    models |= {Path(output).absolute().parent for item in queue.items() for output in item.request.outputs}
    return leftovers(models, (home, home / "conversations"))
