"""The workspace of one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlx_convert_cli.errors import tell
from mlx_convert_core import Workspace


@contextmanager
def workspace(*, as_json: bool) -> Iterator[Workspace]:
    """Open the workspace, naming plugins that are not used and lost settings, and close it at the end."""
    with Workspace() as opened:
        if not as_json:
            for failure in opened.plugin_failures:
                tell("warning", f"the plugin {failure.plugin} is not used: {failure.reason}", color="yellow")
            if problem := opened.settings.problem:
                tell("warning", problem, color="yellow")
        yield opened
