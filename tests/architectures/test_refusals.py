"""What mlx-lm itself can't convert is refused in words, not with a defect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_lm.architectures import module_of

from architectures.checkpoints import tiny_config, write_tiny
from mlx_convert_core import ConvertRequest, UnsupportedModel, Workspace


def test_a_class_that_lacks_its_own_package_is_refused(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "source", "llama")
    (source / "config.json").write_text(json.dumps(tiny_config("olmo")))
    with Workspace() as workspace, pytest.raises(UnsupportedModel, match="needs a package"):
        workspace.convert(ConvertRequest(ref=str(source), output=tmp_path / "model")).result()
    assert not (tmp_path / "model").exists()


def test_a_class_that_can_not_be_quantized_is_refused_and_converts_without(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "source", "afm7")
    with Workspace() as workspace:
        with pytest.raises(UnsupportedModel, match="can't quantize FusedLinear"):
            workspace.convert(ConvertRequest(ref=str(source), preset="4bit", output=tmp_path / "model")).result()
        workspace.convert(ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / "model")).result()
    assert (tmp_path / "model" / "model.safetensors").exists()


@pytest.mark.parametrize("architectures", [5, 1.5, True, None, "LlamaForCausalLM", {"a": 1}, [None, [5], {}]])
def test_a_class_is_found_whatever_stands_for_its_name(architectures: Any) -> None:
    found = module_of({"model_type": "llama", "architectures": architectures})
    assert found is not None
    assert found.name == "llama.py"
