"""Arrays that are nothing but rows of the source are told from those that are computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from mlx_convert_engine.provenance import Provenance
from random_llama import write_llama

from mlx_convert_core.plugin import read_header

Q = "model.layers.0.self_attn.q_proj.weight"
O = "model.layers.0.self_attn.o_proj.weight"  # noqa: E741


@pytest.fixture
def loaded(tmp_path: Path) -> tuple[dict[str, Any], Provenance]:
    path = write_llama(tmp_path / "source") / "model.safetensors"
    arrays = mx.load(str(path))
    assert isinstance(arrays, dict)
    return arrays, Provenance(arrays, {tensor.name: tensor for tensor in read_header(path)})


def names(provenance: Provenance, array: Any) -> list[str] | None:
    sources = provenance.sources(array)
    return None if sources is None else [source.name for source in sources]


def test_a_tensor_that_was_only_read_is_known(loaded: tuple[dict[str, Any], Provenance]) -> None:
    arrays, provenance = loaded
    assert names(provenance, arrays[Q]) == [Q]
    assert names(provenance, arrays[Q].reshape(4, 32, 128)) == [Q]


def test_a_stack_of_tensors_is_known_in_its_order(loaded: tuple[dict[str, Any], Provenance]) -> None:
    arrays, provenance = loaded
    assert names(provenance, mx.stack([arrays[O], arrays[Q]])) == [O, Q]
    assert names(provenance, mx.concatenate([arrays[Q], arrays[O]])) == [Q, O]


def test_whatever_is_computed_is_unknown(loaded: tuple[dict[str, Any], Provenance]) -> None:
    arrays, provenance = loaded
    assert names(provenance, arrays[Q] + 1) is None
    assert names(provenance, arrays[Q].T) is None
    assert names(provenance, arrays[Q][:64]) is None
    assert names(provenance, arrays[Q].astype(mx.float32)) is None
    assert names(provenance, mx.stack([arrays[Q], arrays[O]], axis=1)) is None
    assert names(provenance, mx.concatenate([arrays[Q], arrays[O]], axis=1)) is None
    assert names(provenance, mx.zeros((4, 4))) is None


def test_a_tensor_changed_in_place_is_unknown(loaded: tuple[dict[str, Any], Provenance]) -> None:
    arrays, provenance = loaded
    array = arrays[Q]
    array *= 2
    assert names(provenance, array) is None
