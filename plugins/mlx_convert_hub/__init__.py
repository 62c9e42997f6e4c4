"""Built-in plugin: local folders and repos of the Hugging Face Hub as sources; model cards."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core import ConvertPlan, ModelSource, hookimpl
from mlx_convert_hub.card import write_card
from mlx_convert_hub.local import LocalFolder


@hookimpl(trylast=True)
def model_source(ref: str, revision: str | None) -> ModelSource | None:
    """Take a folder."""
    path = Path(ref).expanduser()
    if path.is_dir() or ref.startswith((".", "/", "~")):
        return LocalFolder(ref, path)
    return None


@hookimpl(trylast=True)
def post_convert(plan: ConvertPlan, staging: Path) -> None:
    """Write the model card."""
    write_card(plan, staging)
