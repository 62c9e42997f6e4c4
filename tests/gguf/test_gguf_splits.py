"""A model in several files: any part stands for it, and each must be there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlx_convert_gguf import model_source, tensor_decoder
from samples.gguf import byte_level_metadata, gguf_name, llama_metadata, llama_values, permuted, write_gguf
from samples.llama_cpp import values_of

from mlx_convert_core import InvalidRequest, MlxConvertError, ModelInfo
from mlx_convert_core.plugin import CorruptCheckpoint
from mlx_convert_core.testing import HEADS, KEY_VALUE_HEADS

Rebuild = Callable[[Path], tuple[ModelInfo, Path]]
COUNT = 3


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """The tiny llama in three files, the first without a weight, as llama-gguf-split can make it."""
    folder = tmp_path / "split"
    folder.mkdir()
    tensors = {
        gguf_name(name): permuted(name, array, (HEADS, KEY_VALUE_HEADS)) for name, array in llama_values().items()
    }
    return [_part(folder, number, list(tensors.items()), tmp_path) for number in range(COUNT)]


def _part(folder: Path, number: int, tensors: list[tuple[str, Any]], scratch: Path) -> Path:
    metadata = llama_metadata() | byte_level_metadata(scratch / "tokenizer") if number == 0 else {}
    about = {"split.no": number, "split.count": COUNT, "split.tensors.count": len(tensors)}
    half = len(tensors) // 2
    own = [[], tensors[:half], tensors[half:]][number]
    return write_gguf(folder / f"tiny-Q8_0-{number + 1:05d}-of-{COUNT:05d}.gguf", metadata | about, dict(own))


def inspect(path: Path) -> ModelInfo:
    source = model_source(str(path), None)
    assert source is not None
    return source.inspect()


def test_parts_become_the_checkpoint_of_the_whole(parts: list[Path], rebuild: Rebuild) -> None:
    model, folder = rebuild(parts[0])
    assert model.name == "tiny"
    found, expected = values_of(folder), llama_values()
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], values) for name, values in expected.items())


def test_any_part_and_their_folder_stand_for_the_model(parts: list[Path]) -> None:
    first = inspect(parts[0])
    for ref in (parts[2], parts[0].parent):
        assert replace(inspect(ref), ref=first.ref) == first


def test_a_conversion_is_not_resumed_with_another_part(parts: list[Path]) -> None:
    model = inspect(parts[0])
    [before] = tensor_decoder(model)
    os.utime(parts[2], (1, 1))
    [after] = tensor_decoder(model)
    assert before.name != after.name


def test_a_missing_part_is_named(parts: list[Path]) -> None:
    parts[1].unlink()
    with pytest.raises(CorruptCheckpoint, match=r"not there: tiny-Q8_0-00002-of-00003\.gguf") as caught:
        inspect(parts[0])
    assert caught.value.code == "gguf_split"


def test_a_missing_first_part_is_named(parts: list[Path]) -> None:
    parts[0].unlink()
    for ref in (parts[1], parts[1].parent):
        with pytest.raises(MlxConvertError, match=r"tiny-Q8_0-00001-of-00003\.gguf"):
            inspect(ref)


def test_parts_of_other_models_are_told_apart(parts: list[Path]) -> None:
    parts[1].write_bytes(parts[2].read_bytes())
    with pytest.raises(CorruptCheckpoint, match="no part 2 of 3"):
        inspect(parts[0])


def test_a_part_by_another_name_is_refused(parts: list[Path]) -> None:
    with pytest.raises(InvalidRequest, match="one of 3 parts") as caught:
        inspect(parts[0].rename(parts[0].with_name("model.gguf")))
    assert caught.value.code == "gguf_split"
