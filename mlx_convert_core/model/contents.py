"""What is in a model's folder: shown to a person before any of it goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.base import units
from mlx_convert_core.base.file_names import SAFETENSORS
from mlx_convert_core.base.paths import in_text
from mlx_convert_core.model.library import LibraryEntry

NAMED = 12  # files: as many as a person reads in one go


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderContents:
    """A folder that a conversion, an upload or a person would have go, as it was looked at.

    ``model`` is None for one that holds nothing; ``files`` are paths below it, ``size`` their bytes. ``stays`` says
    why it must stay, "" when it may go; ``foreign`` are then files in it that are none of the model's. ``cached`` is
    one of a Hub cache: ``size`` is what only it needs there, and it goes for good, since a Trash would hold but links.
    """

    path: Path
    model: LibraryEntry | None = None
    files: tuple[str, ...] = ()
    size: int = 0
    stays: str = ""
    foreign: tuple[str, ...] = ()
    cached: bool = False

    @property
    def words(self) -> str:
        """What goes, in one line: ``4 bit, 77.0 MB: README.md, config.json and 1 weight file``."""
        if self.model is None:
            return "an empty folder"
        weights = [name for name in self.files if name.endswith(SAFETENSORS)]
        others = [name for name in self.files if name not in weights]
        made = f", made {self.model.created[:10]}" if self.model.created else ""
        counted = f"{len(weights)} weight file{'' if len(weights) == 1 else 's'}"
        named = listed(others)
        return f"{self.model.quantization}{made}, {units.size(self.size)}: {named}{' and ' * bool(named)}{counted}"

    def instead(self) -> str:
        """The next step when it stays, in a sentence."""
        return (
            "Move what is yours elsewhere first, or choose another folder."
            if self.foreign
            else "Choose another folder."
        )

    def is_still(self, now: FolderContents) -> bool:
        """Whether ``now``, a later look at the same path, found the same model."""
        if self.model is None or now.model is None:
            return self.model is now.model
        return self.model.same_make(now.model)


def listed(names: list[str] | tuple[str, ...], at_most: int = NAMED) -> str:
    """File names in one line, the first ``at_most`` of them: ``a, b, c and 12 more``."""
    shown = ", ".join(in_text(name) for name in names[:at_most])
    return f"{shown} and {len(names) - at_most} more" if len(names) > at_most else shown
