"""A checkpoint folder on this machine as a source: the one that is there without any plugin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.base.paths import expanded
from mlx_convert_core.model.adapters import Adapter, inspect_adapter
from mlx_convert_core.model.hub_cache import model_name, snapshot_in
from mlx_convert_core.model.inspection import ModelInfo, inspect_folder
from mlx_convert_core.plugins.interfaces import Reporter
from mlx_convert_core.plugins.source_kinds import SourceKind

KIND = SourceKind(
    name="folder",
    title="Local folder",
    summary="Folder with config.json and model*.safetensors",
    example="~/models/Qwen2.5-0.5B-Instruct",
    local=True,
)


@dataclass(frozen=True)
class LocalFolder:
    """The checkpoint in ``path``; nothing is copied. Implements SmallFilesSource and AdapterSource."""

    ref: str
    path: Path

    @classmethod
    def of(cls, ref: str) -> LocalFolder | None:
        """The folder that ``ref`` names; None when it is no folder, and not written as a path either.

        A repo's folder in the Hub's cache stands for its snapshot.
        """
        path = expanded(ref)
        path = snapshot_in(path) or path
        meant = path.is_dir() or (ref.startswith((".", "/", "~")) and not path.exists())
        return cls(ref, path) if meant else None

    @property
    def name(self) -> str:
        """The folder's name; in the Hub's cache the repo's."""
        return model_name(self.path.resolve())

    def inspect(self) -> ModelInfo:
        """See ModelSource. Raises RepoNotFound (code ``no_folder``)."""
        return inspect_folder(self.path, ref=self.ref)

    def adapter(self) -> Adapter:
        """See AdapterSource."""
        return inspect_adapter(self.path, self.ref)

    def fetch_adapter(self, adapter: Adapter, report: Reporter) -> None:
        """See AdapterSource: it is there."""

    def small_files(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        """See SmallFilesSource: they are there already."""
        return self.path.resolve()

    def fetch(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        """The folder itself."""
        return self.path.resolve()
