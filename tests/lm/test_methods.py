"""How numbers are rounded: by name, by the layer's inputs, and to nearest wherever there is nothing to go by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy_methods import Recording, plugin_of

from mlx_convert_core import ConvertRequest, InvalidRequest, ModelInfo, PluginError, Workspace
from mlx_convert_core.plugin import Reporter, SetOption, hookimpl, inspect_folder


@pytest.fixture
def recorded(tmp_path: Path) -> Any:
    """A workspace with a method that notes what it is handed."""
    method = Recording()
    with Workspace(home=tmp_path / "home", plugins=[plugin_of(method)]) as workspace:
        yield workspace, method


def test_a_method_gets_every_affine_layer_in_rows_and_the_result_is_what_it_made(
    recorded: tuple[Workspace, Recording], tiny_llama: Path, tmp_path: Path
) -> None:
    workspace, method = recorded
    request = ConvertRequest(ref=str(tiny_llama), bits=4, group_size=32, method="recording", output=tmp_path / "out")
    made = workspace.convert(request, inline=True).result().models[0]
    nearest = workspace.convert(replace(request, method=None, output=tmp_path / "nearest"), inline=True).result()
    assert nearest.models[0].weight_bytes == made.weight_bytes
    assert "model.layers.0.mlp.up_proj" in method.rows
    assert "model.embed_tokens" in method.rows
    assert all(sorted(seen) == list(range(len(seen))) for seen in method.rows.values())


def test_fixed_formats_are_rounded_to_nearest_and_the_plan_says_so(
    recorded: tuple[Workspace, Recording], tiny_llama: Path, tmp_path: Path
) -> None:
    workspace, method = recorded
    request = ConvertRequest(ref=str(tiny_llama), preset="mxfp4", method="recording", output=tmp_path / "out")
    made = workspace.convert(request, inline=True).result().models[0]
    assert "method_fixed" in {finding.code for finding in made.findings}
    assert not method.rows


def test_a_method_that_nobody_knows_is_refused_before_anything_is_read(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match="guess") as caught:
        workspace.plan(ConvertRequest(ref=str(tiny_llama), method="guess", output=tmp_path / "out"), exact=False)
    assert caught.value.code == "method"


@pytest.mark.parametrize(("fault", "told"), [("two arrays", "gave 2 arrays"), ("raise", "ZeroDivisionError")])
def test_a_method_at_fault_is_named(
    recorded: tuple[Workspace, Recording], tiny_llama: Path, tmp_path: Path, fault: str, told: str
) -> None:
    workspace, method = recorded
    method.fault = fault
    request = ConvertRequest(ref=str(tiny_llama), bits=4, group_size=32, method="recording", output=tmp_path / "out")
    with pytest.raises(PluginError, match=f"quantize_method.*{told}"):
        workspace.convert(request, inline=True).result()
    assert not (tmp_path / "out").exists()


def test_files_that_are_read_twice_are_not_discarded(tiny_llama: Path, tmp_path: Path) -> None:
    class Remote:
        """A source whose files may be deleted after their use."""

        def inspect(self) -> ModelInfo:
            return replace(inspect_folder(tiny_llama, ref="far:tiny"), fetch_window=2)

        def fetch(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
            return tiny_llama

    class Plugin:
        @hookimpl
        def model_source(self, ref: str) -> Remote | None:
            return Remote() if ref == "far:tiny" else None

    method = Recording()
    method.needs = "moments"
    request = ConvertRequest(
        ref="far:tiny", bits=4, group_size=32, method="recording", discard_source=True, output=tmp_path / "out"
    )
    with Workspace(home=tmp_path / "home", plugins=[plugin_of(method), Plugin()]) as workspace:
        plan = workspace.plan(request, exact=False)
    (error,) = plan.errors
    assert error.code == "calibrate_discard"
    assert SetOption("method", "nearest") in error.remedies
