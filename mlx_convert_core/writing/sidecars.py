"""The files beside the weights that a converted folder keeps, byte for byte."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from mlx_convert_core.base.regular_files import copy_regular

KEPT = (
    "*.json", "*.jsonl", "*.jinja", "*.txt", "*.model", "*.tiktoken",
    "LICENSE*", "LICENCE*", "NOTICE*", "COPYING*", "USE_POLICY*",
)  # fmt: skip
# Written anew, about the source's weights, or misleading beside converted ones.
LEFT = (
    "config.json", "*.index.json", "mlx_convert.json", "quantize_config.json", "quant_config.json",
    "hf_quant_config.json", "adapter_config.json", "model_index.json", "params.json", "trainer_state.json",
)  # fmt: skip


def copy_sidecars(checkpoint: Path, folder: Path, *, code: bool) -> tuple[str, ...]:
    """Copy tokenizer, chat template, generation and licence files; the names copied.

    The source's own Python files come along only with ``code`` (remote code was allowed). A file that
    the converter already wrote is not touched. Raises CorruptCheckpoint for what is no file of ``checkpoint``, OSError.
    """
    copied = []
    for path in sorted(checkpoint.iterdir()):
        if not is_sidecar(path.name, code=code) or (folder / path.name).exists():
            continue
        if not path.is_dir() or path.is_symlink():
            copy_regular(path, folder / path.name, within=checkpoint)
            copied.append(path.name)
    return tuple(copied)


def is_sidecar(name: str, *, code: bool = False) -> bool:
    """Whether a converted folder keeps the source's file ``name``."""
    if any(fnmatchcase(name, pattern) for pattern in LEFT):
        return False
    return any(fnmatchcase(name, pattern) for pattern in KEPT) or (code and name.endswith(".py"))
