"""The plugin's own tests, with the fixtures that mlx-convert brings along."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlx_convert_core.plugin import ConvertRequest, EntryNotFound, GenerateRequest, LayerInfo, Quantization, Workspace
from mlx_convert_core.testing import heavy_imports


def test_importing_the_plugin_costs_nothing() -> None:
    assert heavy_imports("mlx_convert_audit") == ()


def test_the_plugin_is_found_with_its_hooks(mlx_convert_workspace: Workspace) -> None:
    plugin = next(plugin for plugin in mlx_convert_workspace.plugins if plugin.spec.name == "audit")
    assert (plugin.spec.distribution, plugin.spec.version) == ("mlx-convert-audit", "1.2.0")
    assert plugin.hooks == (
        "library_store",
        "on_event",
        "on_generate",
        "post_convert",
        "pre_convert",
        "quantize_strategy",
        "register_presets",
    )
    assert mlx_convert_workspace.presets["audited"].strategy == "careful_ends"


def test_the_ends_are_at_8_bit() -> None:
    from mlx_convert_audit import quantize_strategy

    ask = quantize_strategy("careful_ends", None, Quantization(bits=4))  # type: ignore[arg-type]
    assert ask is not None
    bits = [
        ask(LayerInfo(path=f"model.layers.{n}.mlp.up_proj", shape=(4, 64), num_layers=4)).bits  # type: ignore[union-attr]
        for n in range(4)
    ]
    assert bits == [8, 4, 4, 8]
    assert quantize_strategy("another", None, Quantization(bits=4)) is None  # type: ignore[arg-type]


def test_a_conversion_is_audited_and_the_model_answers(
    mlx_convert_workspace: Workspace, mlx_convert_checkpoint: Path, tmp_path: Path
) -> None:
    request = ConvertRequest(ref=str(mlx_convert_checkpoint), preset="audited", output=tmp_path / "model")
    result = mlx_convert_workspace.convert(request).result()
    assert {"no_licence"} <= {finding.code for finding in result.models[0].findings}
    assert f"Source: {mlx_convert_checkpoint}" in (result.path / "AUDIT.md").read_text()
    quantization = json.loads((result.path / "config.json").read_text())["quantization"]
    assert quantization["bits"] == 4
    assert quantization["model.layers.0.mlp.up_proj"]["bits"] == 8
    assert [entry.path for entry in mlx_convert_workspace.library.entries()] == [result.path]
    answer = mlx_convert_workspace.generate(result.path, GenerateRequest(prompt="Hello", max_tokens=3)).result()
    assert answer.generation_tokens == 3


def test_the_library_remembers_and_forgets(mlx_convert_workspace: Workspace, tmp_path: Path) -> None:
    library = mlx_convert_workspace.library
    with pytest.raises(EntryNotFound):
        library.remove(tmp_path)
    assert library.entries() == ()
