"""An adapter (LoRA and its like): an addition to a model that a conversion can fuse into its weights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mlx_convert_core.base import file_names
from mlx_convert_core.base.regular_files import regular_files
from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.model.config_file import read_config
from mlx_convert_core.model.hub_cache import cached_repo, model_name
from mlx_convert_core.model.safetensors import TensorInfo
from mlx_convert_core.model.weight_files import read_tensors

WEIGHTS = ("adapter_model.safetensors", "adapters.safetensors", "adapter_model.bin")  # of peft, of mlx-lm, of old peft
# The tokenizer that it was trained with, in place of the model's: it may have learned new words.
TEXT = (
    *file_names.TOKENIZER_FILES, file_names.TOKENIZER_CONFIG, file_names.SPECIAL_TOKENS, file_names.ADDED_TOKENS,
    file_names.MERGES, file_names.CHAT_TEMPLATE,
)  # fmt: skip
_EMBEDDINGS = re.compile(r"(?:^|\.)(?:embed_tokens|wte|word_embeddings|lm_head)\.(?:modules_to_save\.)?weight$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """An adapter as it was inspected: ``config`` is its adapter_config.json, ``tensors`` are those of its weight file.

    ``folder`` is where its ``files`` are, or will be once ``fetch_bytes`` of them are fetched. ``repo_id`` and
    ``revision`` (the commit) are those of one on a hub.
    """

    ref: str
    name: str
    folder: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    tensors: tuple[TensorInfo, ...] = ()
    files: tuple[str, ...] = ()
    repo_id: str | None = None
    revision: str | None = None
    fetch_bytes: int = 0

    @property
    def base(self) -> str:
        """The model that it was trained on, as its config has it; "" where it says none."""
        found = self.config.get("base_model_name_or_path") or self.config.get("model")
        return found if isinstance(found, str) else ""


def adapter_files(names: Iterable[str]) -> tuple[str, ...]:
    """The files of an adapter among ``names``: its config, its weight file, its tokenizer; () where there is none."""
    there = [name for name in names if "/" not in name]
    weights = next((name for name in WEIGHTS if name in there), "")
    if not weights or file_names.ADAPTER not in there:
        return ()
    text = sorted(name for name in there if any(fnmatchcase(name, pattern) for pattern in TEXT))
    return (file_names.ADAPTER, weights, *text)


def inspect_adapter(folder: Path, ref: str) -> Adapter:
    """The adapter in ``folder``. Raises InvalidRequest (code ``no_adapter``) and CorruptCheckpoint."""
    files = adapter_files(path.name for path in regular_files(folder)) if folder.is_dir() else ()
    if not files:
        raise no_adapter(ref)
    cached = cached_repo(folder)
    return Adapter(
        ref=ref,
        name=model_name(folder.resolve()),
        folder=folder.resolve(),
        config=read_config(folder / files[0]),
        tensors=read_tensors(folder / files[1]),
        files=files,
        repo_id=cached.repo_id if cached is not None else None,
        revision=cached.commit if cached is not None else None,
    )


def no_adapter(ref: str) -> InvalidRequest:
    """The error for a place that holds no adapter."""
    return InvalidRequest(
        f"{ref} holds no adapter: that takes {file_names.ADAPTER} and {' or '.join(WEIGHTS[:2])}.",
        hint="Name the repo or the folder of a LoRA, as peft or mlx-lm has saved it.",
        code="no_adapter",
    )


def config_with(config: Mapping[str, Any], adapter: Adapter) -> Mapping[str, Any]:
    """A model's ``config`` with as many words as the embeddings have that come with ``adapter``."""
    rows = {one.shape[0] for one in adapter.tensors if _EMBEDDINGS.search(one.name) and len(one.shape) == 2}
    changed = dict(config)
    if len(rows) != 1:
        return changed
    text = changed.get("text_config")
    if isinstance(text, dict) and "vocab_size" in text:
        changed["text_config"] = {**text, "vocab_size": rows.pop()}
    elif "vocab_size" in changed:
        changed["vocab_size"] = rows.pop()
    return changed
