"""A checkpoint folder on this machine as a source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.plugin import ModelInfo, Reporter, inspect_folder


@dataclass(frozen=True)
class LocalFolder:
    """The checkpoint in ``path``; nothing is copied."""

    ref: str
    path: Path

    def inspect(self) -> ModelInfo:
        """See ModelSource."""
        return inspect_folder(self.path, ref=self.ref)

    def fetch(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        """The folder itself."""
        return self.path.resolve()
