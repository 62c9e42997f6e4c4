"""What a source is, read without touching a weight: config.json, file list and safetensors headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mlx_convert_core.base.file_names import CARD, CONFIG, MORE_TEMPLATES
from mlx_convert_core.base.paths import spelled
from mlx_convert_core.base.regular_files import regular_files
from mlx_convert_core.errors import CorruptCheckpoint, RepoNotFound
from mlx_convert_core.model import dtypes
from mlx_convert_core.model.adapters import Adapter
from mlx_convert_core.model.card import read_card
from mlx_convert_core.model.config_file import read_config, unreadable
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.hub_cache import cached_repo, model_name
from mlx_convert_core.model.safetensors import TensorInfo
from mlx_convert_core.model.shard_index import check_index
from mlx_convert_core.model.weight_files import elsewhere_in, weights_in
from mlx_convert_core.remedies import OpenPage, Remedies


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """A file of a source: ``name`` relative to its root, ``size`` in bytes.

    ``oid`` is the hash of its content where the source tells one: a sha256, or git's hash of the file.
    Raises InvalidRequest (code ``name_not_utf8``).
    """

    name: str
    size: int
    oid: str | None = None

    def __post_init__(self) -> None:
        spelled(Path(self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A source as it was inspected.

    ``ref`` is what the user typed; ``name`` the model's own name; ``path`` the local folder or file if
    there is one; ``repo_id`` and ``revision`` (the commit) are those of a hub source, or of a folder in a Hub cache;
    ``branch`` is the name that a commit was resolved from.
    ``card`` holds the front matter of the source's README (licence, language, base model), untrusted; ``page`` is the
    address where a person can read about the model, "" when the source has none.
    ``fetch_bytes`` are still to be fetched, into ``fetch_folder`` (None: beside the output). ``fetch_window``
    is the number of weight files on the disk at once when each is deleted after its use; 0: none is deleted.
    ``findings`` are what inspecting it showed. ``adapters`` are what a conversion fuses into it.
    """

    ref: str
    name: str
    repo_id: str | None = None
    revision: str | None = None
    branch: str | None = None
    path: Path | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[FileInfo, ...] = ()
    tensors: tuple[TensorInfo, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
    page: str = ""
    fetch_bytes: int = 0
    fetch_folder: Path | None = None
    fetch_window: int = 0
    findings: tuple[Finding, ...] = ()
    adapters: tuple[Adapter, ...] = ()

    def __post_init__(self) -> None:
        if self.path is not None:
            spelled(self.path)

    @property
    def model_type(self) -> str:
        """The architecture's name in config.json, "" when it has none."""
        return str(self.config.get("model_type") or "")

    @property
    def to_its_page(self) -> Remedies:
        """The step to the model's page, where it has one."""
        return (OpenPage(self.page),) if self.page else ()

    @property
    def shards(self) -> tuple[str, ...]:
        """The names of the files that hold its tensors, in order: its weight files."""
        return tuple(sorted({tensor.shard for tensor in self.tensors}))

    @property
    def weight_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.nbytes for tensor in self.tensors)

    @property
    def parameters(self) -> int:
        """Number of values in all tensors, as stored (packed integers count once)."""
        return sum(tensor.parameters for tensor in self.tensors)

    @property
    def dtype(self) -> str:
        """The type that holds most of the bytes, by its long name (``bfloat16``), "" without tensors."""
        totals: dict[str, int] = {}
        for tensor in self.tensors:
            totals[tensor.dtype] = totals.get(tensor.dtype, 0) + tensor.nbytes
        if not totals:
            return ""
        biggest = max(totals, key=lambda name: totals[name])
        return dtypes.NAMES.get(biggest, biggest)

    def matching(self, *patterns: str) -> tuple[FileInfo, ...]:
        """The files at the root whose name matches one of ``patterns``."""
        return tuple(
            info
            for info in self.files
            if "/" not in info.name and any(fnmatchcase(info.name, pattern) for pattern in patterns)
        )


def inspect_folder(folder: Path, *, ref: str | None = None, name: str | None = None) -> ModelInfo:
    """Inspect a local checkpoint folder; reads config.json and headers only.

    A folder of another kind (GGUF, adapter, pickle weights) is described too, with what it lacks left
    empty: `preflight.examine` says what it is. Raises RepoNotFound and CorruptCheckpoint.
    """
    if not folder.is_dir():
        raise RepoNotFound(
            f"there is no folder {folder}.",
            hint="Check the path, or give a repo id such as Qwen/Qwen2.5-0.5B-Instruct.",
            code="no_folder",
        )
    try:
        files = tuple(
            FileInfo(name=path.relative_to(folder).as_posix(), size=path.stat().st_size)
            for path in checkpoint_files(folder)
        )
    except OSError as error:  # also a folder that macOS guards
        raise unreadable(folder, error) from error
    if not files:
        raise CorruptCheckpoint(
            f"the folder {folder} is empty.",
            hint="Give a folder that holds config.json and model*.safetensors.",
            code="empty_folder",
        )
    config = read_config(folder / CONFIG) if (folder / CONFIG).exists() else {}
    cached = cached_repo(folder)
    model = ModelInfo(
        ref=ref or str(folder),
        name=name or model_name(folder.resolve()),
        repo_id=cached.repo_id if cached is not None else None,
        revision=cached.commit if cached is not None else None,
        path=folder.resolve(),
        config=config,
        files=files,
        card=read_card(folder / CARD),
    )
    try:
        weights = weights_in(folder, [info.name for info in files])
        found = None if weights.tensors or weights.findings else elsewhere_in(folder, model.name)
    except OSError as error:
        raise unreadable(Path(error.filename or folder), error) from error
    stale = check_index(folder, (info.name for info in files), weights.tensors)
    findings = (*weights.findings, *stale, *((found,) if found is not None else ()))
    return replace(model, tensors=weights.tensors, findings=findings)


def checkpoint_files(folder: Path) -> list[Path]:
    """The regular files at the root of ``folder``, and its further chat templates. Raises as `regular_files`."""
    more = folder / MORE_TEMPLATES
    templates = regular_files(more) if more.is_dir() and not more.is_symlink() else []
    return [*regular_files(folder), *(path for path in templates if path.suffix == ".jinja")]
