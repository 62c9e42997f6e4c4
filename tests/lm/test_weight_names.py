"""Weights under names that mlx-lm does not look for convert, and answer, as under the usual ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mlx_convert_lm.adapter import load_lazily
from mlx_convert_lm.config.heads import Head

from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.testing import write_tiny_checkpoint


def converted(home: Path, source: Path) -> Path:
    with Workspace(home=home) as workspace:
        request = ConvertRequest(ref=source, preset="4bit", output=source.with_name(f"{source.name}-4bit"))
        return workspace.convert(request, inline=True).result().models[0].path


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    """Give one checkpoint twice: as usual, and with other names and a copy that is not to be read."""
    usual = tmp_path / "usual"
    write_tiny_checkpoint(usual)
    other = Path(shutil.copytree(usual, tmp_path / "other"))
    (other / "model.safetensors").rename(other / "pytorch_model.safetensors")
    return usual, other


def test_weights_of_another_name_convert_alike(sources: tuple[Path, Path], home: Path) -> None:
    usual, other = (converted(home, source) for source in sources)
    for name in ("model.safetensors", "config.json"):
        assert (usual / name).read_bytes() == (other / name).read_bytes()
    assert [path.name for path in other.glob("*.safetensors")] == ["model.safetensors"]


def test_weights_of_another_name_answer(sources: tuple[Path, Path]) -> None:
    _, other = sources
    loaded = load_lazily(other, trust_remote_code=False)
    assert "model.embed_tokens.weight" in loaded.arrays


def test_a_copy_with_a_usual_name_is_not_loaded(sources: tuple[Path, Path]) -> None:
    usual, _ = sources
    (usual / "model.fp16.safetensors").write_bytes((usual / "model.safetensors").read_bytes())
    assert load_lazily(usual, trust_remote_code=False, head=Head.NONE).arrays
    from mlx_convert_lm.weight_names import under_usual_names

    with under_usual_names(usual) as folder:
        assert [path.name for path in folder.glob("*.safetensors")] == ["model-00001-of-00001.safetensors"]
    assert usual.is_dir()
