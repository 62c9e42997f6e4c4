"""Next steps that speak to a terminal are said in the page's own words."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_ui.widgets.remedies import hint_of

from mlx_convert_core.converting.conversion_job import _say_what_is_kept
from mlx_convert_core.plugin import WorkerDied
from mlx_convert_core.writing.staging import staging_root


def test_what_a_dead_worker_left_is_taken_up_by_trying_again(tmp_path: Path) -> None:
    root = staging_root(tmp_path / "model", "0123abcd")
    (root / "output").mkdir(parents=True)
    (root / "written").write_text("made from\nlayer.weight digest\n")
    error = WorkerDied("the worker was killed.", hint="Close other apps.")
    _say_what_is_kept(error, "0123abcd", [tmp_path / "model"])
    assert "--resume" in error.hint
    assert hint_of(error) == (
        "Close other apps. Trying again goes on where it was. What is kept can be deleted under Settings."
    )
