"""What mlx-lm itself can't convert is refused in words, not with a defect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_lm import module_limit
from mlx_convert_lm.adapter import load_lazily
from mlx_convert_lm.architectures import module_of

from architectures.checkpoints import tiny_config, write_tiny
from mlx_convert_core import ConvertRequest, UnsupportedModel, Workspace
from mlx_convert_core.plugin import CorruptCheckpoint


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


@pytest.mark.parametrize(
    ("model_type", "fields"),
    [
        ("nemotron_h", {"hybrid_override_pattern": "M" * 500}),
        ("dbrx", {"ffn_config": {"moe_num_experts": 500, "moe_top_k": 2, "ffn_hidden_size": 64}}),
        ("llama", {"num_hidden_layers": 500}),
    ],
)
def test_a_class_builds_no_more_than_the_weights_could_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_type: str, fields: dict[str, object]
) -> None:
    monkeypatch.setattr(module_limit, "MODULES", 200)
    source = write_tiny(tmp_path / "source", model_type)
    load_lazily(source, trust_remote_code=False)
    (source / "config.json").write_text(json.dumps(tiny_config(model_type) | fields))
    with pytest.raises(CorruptCheckpoint, match="too few for that") as refused:
        load_lazily(source, trust_remote_code=False)
    assert refused.value.code == "layers"
