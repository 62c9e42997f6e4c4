"""What there is to say of an adapter that is to be fused."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlx_convert_core.plugin import Adapter, Finding, LeaveOut, ModelInfo, units
from mlx_convert_engine.adapters.changes import Change

# Copies of a model in other hands, or packed, are the same model to an adapter.
_COPIES = re.compile(r"-(?:unsloth|bnb-4bit|4bit|8bit|bf16|fp16|hf|mlx)(?=-|$)")


def said(adapter: Adapter, model: ModelInfo, changes: Iterable[Change]) -> Finding:
    """That it is fused, and how much it changes."""
    found = list(changes)
    size = sum(tensor.nbytes for tensor in adapter.tensors)
    kinds = [
        *(["DoRA"] if any(change.magnitudes is not None for change in found) else []),
        *(["whole tensors"] if any(change.new is not None for change in found) else []),
        *(["trained words"] if any(change.words is not None for change in found) else []),
    ]
    beside = f", with {' and '.join(kinds)}" if kinds else ""
    text = " Its tokenizer comes along." if len(adapter.files) > 2 else ""
    return Finding(
        code="adapter",
        level="info",
        message=f"the adapter {adapter.name} ({units.size(size)}) is fused into {len(found):,} of"
        f" {len(model.tensors):,} tensors{beside}.{text}",
    )


def of_another_base(adapter: Adapter, model: ModelInfo) -> Finding | None:
    """That it was trained on another model, by their names."""
    mine = {_plain(name) for name in (model.repo_id, model.name, model.ref) if name}
    if not adapter.base or _plain(adapter.base) in mine:
        return None
    return Finding(
        code="adapter_base",
        level="warning",
        message=f"the adapter {adapter.name} was trained on {adapter.base[:200]}, and this model is"
        f" {model.repo_id or model.name}: fused into another one, it may do harm.",
        hint="Compare the two pages. Take the model that the adapter names, if they are not the same.",
    )


def refused(adapter: Adapter, code: str, told: str) -> Finding:
    """Why it can't be fused."""
    hints = {
        "adapter_kind": "Have the program that made it merge it, and convert the result.",
        "adapter_packed": "Have plain numbers made of the model first, or fuse it into the original one.",
    }
    return Finding(
        code=code,
        level="error",
        message=f"the adapter {adapter.name} can't be fused: {told[:500]}.",
        hint=hints.get(code, "Take the model that it was trained on, or leave it out."),
        remedies=(LeaveOut("adapter"),),
    )


def _plain(name: str) -> str:
    return _COPIES.sub("", name.rstrip("/").rpartition("/")[2].lower())
