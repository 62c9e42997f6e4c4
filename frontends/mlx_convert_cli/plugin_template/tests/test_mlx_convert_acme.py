"""The plugin is tried for real: on a random llama that converts in a moment. mlx-convert brings the fixtures along."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlx_convert_core.plugin import ConvertRequest, PreflightFailed, UploadError, Workspace
from mlx_convert_core.testing import heavy_imports

import mlx_convert_acme

NAME = "acme"


def test_importing_the_plugin_costs_nothing() -> None:
    assert heavy_imports("mlx_convert_acme") == ()


def test_the_plugin_is_found_with_all_that_it_offers(mlx_convert_workspace: Workspace) -> None:
    plugin = next(plugin for plugin in mlx_convert_workspace.plugins if plugin.spec.name == NAME)
    assert plugin.hooks == ("pre_convert", "register_presets", "register_upload_targets")
    assert NAME in mlx_convert_workspace.presets
    assert NAME in mlx_convert_workspace.upload_targets()


def test_a_model_is_converted_and_sent(
    mlx_convert_workspace: Workspace, mlx_convert_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setenv("ACME_FOLDER", str(shared))
    request = ConvertRequest(ref=str(mlx_convert_checkpoint), preset=NAME, output=tmp_path / "model")
    model = mlx_convert_workspace.convert(request).result().models[0]
    sent = mlx_convert_workspace.upload(model.path, f"{NAME}:tiny").result()
    assert sent.location == str(shared / "tiny")
    assert {path.name for path in model.path.iterdir()} == {path.name for path in (shared / "tiny").iterdir()}
    with pytest.raises(UploadError, match="already"):
        mlx_convert_workspace.upload(model.path, f"{NAME}:tiny").result()


def test_a_model_that_is_too_large_is_refused(
    mlx_convert_workspace: Workspace, mlx_convert_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlx_convert_acme, "LARGEST", 1000)
    request = ConvertRequest(ref=str(mlx_convert_checkpoint), preset=NAME)
    with pytest.raises(PreflightFailed) as refused:
        mlx_convert_workspace.convert(request).result()
    assert refused.value.code == "too_large"
