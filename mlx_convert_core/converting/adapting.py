"""The adapters of a conversion: looked at with its model, fetched beside it, and their tokenizer in the result."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mlx_convert_core.base.regular_files import copy_regular, open_regular
from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.model.adapters import Adapter
from mlx_convert_core.model.findings import Finding, refusal
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.record import RecordedAdapter
from mlx_convert_core.plugins.model_sources import AdapterSource
from mlx_convert_core.remedies import LeaveOut
from mlx_convert_core.running.context import JobContext

_BLOCK = 1 << 20


def with_adapters(model: ModelInfo, refs: Sequence[str], sources: Sources) -> ModelInfo:
    """``model`` with the adapters at ``refs``; those that are known already are not looked at again.

    Raises InvalidRequest (code ``no_adapter``), and what their sources raise.
    """
    known = {adapter.ref: adapter for adapter in model.adapters}
    adapters = tuple(known.get(ref) or sources.adapter(ref) for ref in refs) if model.tensors else ()
    plain = model.fetch_bytes - _fetched(model.adapters)
    return replace(model, adapters=adapters, fetch_bytes=plain + _fetched(adapters))


def cannot_fuse(converter: str) -> Finding:
    """The finding for a converter that reads weights as they are stored."""
    return refusal(
        "adapter_kind",
        f"the converter '{converter}' can't fuse an adapter.",
        "Leave the adapter out, or convert without that plugin.",
        (LeaveOut("adapter"),),
    )


def fetch_adapters(model: ModelInfo, context: JobContext) -> None:
    """Have the files of the model's adapters on this machine."""
    for adapter in model.adapters:
        if adapter.fetch_bytes:
            source = Sources(context.hooks).of(adapter.ref)
            assert isinstance(source, AdapterSource)
            source.fetch_adapter(adapter, context)


def copy_their_tokenizer(model: ModelInfo, folder: Path) -> None:
    """Put the files of text that come with an adapter into ``folder``: it was trained with them. The last one's count,
    whole: a file that only another has belongs to other words."""
    for adapter in [one for one in model.adapters if len(one.files) > 2][-1:]:
        for name in adapter.files[2:]:
            if not (folder / name).exists():
                copy_regular(adapter.folder / name, folder / name, within=adapter.folder)


def recorded(adapter: Adapter) -> RecordedAdapter:
    """What the record says of an adapter: its ref, its commit, and the sha256 of its weights."""
    digest = hashlib.sha256()
    with open_regular(adapter.folder / adapter.files[1], within=adapter.folder) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return RecordedAdapter(ref=adapter.repo_id or adapter.name, revision=adapter.revision, sha256=digest.hexdigest())


def _fetched(adapters: Iterable[Adapter]) -> int:
    return sum(adapter.fetch_bytes for adapter in adapters)
