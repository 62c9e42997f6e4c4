"""A model that sees is never whole in memory, and takes no more than was stated, whatever else is installed."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import seeing

from mlx_convert_core import ConvertRequest, Workspace

TEXT = {"hidden_size": 1536, "intermediate_size": 6144, "num_hidden_layers": 4, "head_dim": 128}
PICTURES = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 3}
TORCH = 'raise SystemExit("torch was imported")'


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of more bytes than a conversion of it may take."""
    folder = tmp_path_factory.mktemp("wide") / "wide-seeing"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seeing.write_seeing_model(folder, text_config=TEXT, vision_config=PICTURES)
    return folder


@pytest.mark.parametrize("presets", [("4bit",), ("bf16",), ("4bit", "8bit")])
def test_a_conversion_takes_no_more_than_was_stated_and_not_the_model(
    wide: Path, workspace: Workspace, tmp_path: Path, presets: tuple[str, ...]
) -> None:
    outputs = tuple(tmp_path / preset for preset in presets)
    request = ConvertRequest(ref=wide, preset=presets, output=outputs, verify=False)
    stated = workspace.plan(request).peak_memory
    measured = workspace.convert(request).result().peak_memory
    assert measured <= stated <= 2.5 * measured
    assert stated < (wide / "model.safetensors").stat().st_size


def test_torch_is_left_alone_where_it_is_installed(
    checkpoint: Path, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """transformers would import it, which takes more memory than a conversion."""
    package = tmp_path / "installed" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(TORCH)
    monkeypatch.setenv("PYTHONPATH", str(package.parent), prepend=":")
    request = ConvertRequest(ref=checkpoint, preset="4bit", output=tmp_path / "out", verify=False)
    assert workspace.convert(request).result().path.is_dir()
