from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mlx_convert_gguf import model_source
from samples.gguf import write_llama_gguf
from samples.smollm2 import Silent

from mlx_convert_core import ModelInfo

Made = tuple[ModelInfo, Path]


@pytest.fixture
def tiny_gguf(tmp_path: Path) -> Path:
    return write_llama_gguf(tmp_path / "Tiny-Llama.F16.gguf")


@pytest.fixture
def rebuild(tmp_path: Path) -> Callable[[Path], Made]:
    """Turn a GGUF file into a checkpoint: what was inspected, and the folder."""

    def made(path: Path) -> Made:
        source = model_source(str(path), None)
        assert source is not None
        model = source.inspect()
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        return model, source.fetch(model, scratch, Silent())

    return made
