"""What `model_source` must hand back: where a checkpoint comes from, and what a source can do besides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from mlx_convert_core.model.adapters import Adapter
    from mlx_convert_core.model.inspection import ModelInfo
    from mlx_convert_core.plugins.interfaces import Reporter


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
class AdapterSource(ModelSource, Protocol):
    """A source that also has adapters, for `ConvertRequest.adapter`."""

    def adapter(self) -> Adapter:
        """Describe the adapter from its config and headers. Runs in the parent, reads no weight.

        Raises InvalidRequest (code ``no_adapter``).
        """

    def fetch_adapter(self, adapter: Adapter, report: Reporter) -> None:
        """Have its files in `Adapter.folder`. Runs in the worker."""


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
