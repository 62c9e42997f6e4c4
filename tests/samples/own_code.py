"""A model that brings the Python code of its own architecture, and tells when that ran."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.testing import write_tiny_checkpoint

CODE = """
from pathlib import Path

from mlx_lm.models.llama import Model, ModelArgs

Path(__file__).with_name("ran").touch()
"""


def write_model_with_own_code(folder: Path) -> Path:
    """Convert such a checkpoint, with its code allowed; the converted model, whose code has not run yet."""
    source = write_tiny_checkpoint(folder / "source", model_file="own.py")
    (source / "own.py").write_text(CODE)
    with Workspace(home=folder / "home") as workspace:
        request = ConvertRequest(ref=source, preset="8bit", output=folder / "own-code", trust_remote_code=True)
        return workspace.convert(request).result().path
