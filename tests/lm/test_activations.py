"""The function between the matrices of a layer is the one that config.json names, or the model is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlx_convert_lm.adapter import load_lazily

from mlx_convert_core import UnsupportedModel


def named(checkpoint: Path, function: str) -> Path:
    path = checkpoint / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"hidden_act": function}))
    return checkpoint


@pytest.mark.parametrize("function", ["relu", "gelu", "gelu_pytorch_tanh", "quick_gelu", "relu2"])
def test_a_function_that_the_class_does_not_know_is_refused(tiny_llama: Path, function: str) -> None:
    with pytest.raises(UnsupportedModel, match=f"computes with silu, where config.json says {function}") as refused:
        load_lazily(named(tiny_llama, function), trust_remote_code=False)
    assert refused.value.code == "activation_differs"


@pytest.mark.parametrize("function", ["silu", "swish", "somebody's own"])
def test_the_function_of_the_class_is_no_matter(tiny_llama: Path, function: str) -> None:
    assert load_lazily(named(tiny_llama, function), trust_remote_code=False).findings == ()
