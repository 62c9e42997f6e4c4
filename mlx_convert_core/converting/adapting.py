"""The adapter of a conversion: looked at with its model, fetched beside it, and its tokenizer in the result."""

from __future__ import annotations

import hashlib
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


def with_adapter(model: ModelInfo, ref: str, sources: Sources) -> ModelInfo:
    """``model`` with the adapter at ``ref``, "" for none; one that is known already is not looked at again.

    Raises InvalidRequest (code ``no_adapter``), and what its source raises.
    """
    known = model.adapter
    if known is not None and known.ref == ref:
        return model
    plain = replace(model, adapter=None, fetch_bytes=model.fetch_bytes - (known.fetch_bytes if known else 0))
    if not ref or not model.tensors:
        return plain
    adapter = sources.adapter(ref)
    return replace(
        plain,
        adapter=adapter,
        fetch_bytes=plain.fetch_bytes + adapter.fetch_bytes,
    )


def cannot_fuse(converter: str) -> Finding:
    """The finding for a converter that reads weights as they are stored."""
    return refusal(
        "adapter_kind",
        f"the converter '{converter}' can't fuse an adapter.",
        "Leave the adapter out, or convert without that plugin.",
        (LeaveOut("adapter"),),
    )


def fetch_adapter(model: ModelInfo, context: JobContext) -> None:
    """Have the files of the model's adapter on this machine, if it has one."""
    if model.adapter is None or not model.adapter.fetch_bytes:
        return
    source = Sources(context.hooks).of(model.adapter.ref)
    assert isinstance(source, AdapterSource)
    source.fetch_adapter(model.adapter, context)


def copy_its_tokenizer(model: ModelInfo, folder: Path) -> None:
    """Put the files of text that come with the adapter into ``folder``: it was trained with them."""
    if model.adapter is None:
        return
    for name in model.adapter.files[2:]:
        if not (folder / name).exists():
            copy_regular(model.adapter.folder / name, folder / name, within=model.adapter.folder)


def recorded(adapter: Adapter | None) -> RecordedAdapter | None:
    """What the record says of the adapter: its ref, its commit, and the sha256 of its weights."""
    if adapter is None:
        return None
    digest = hashlib.sha256()
    with open_regular(adapter.folder / adapter.files[1], within=adapter.folder) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return RecordedAdapter(ref=adapter.repo_id or adapter.name, revision=adapter.revision, sha256=digest.hexdigest())
