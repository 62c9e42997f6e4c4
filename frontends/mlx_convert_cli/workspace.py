"""The workspace of one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlx_convert_cli.errors import tell
from mlx_convert_cli.output import data_only
from mlx_convert_core import Workspace


@contextmanager
def workspace(*, as_json: bool) -> Iterator[Workspace]:
    """Open the workspace, naming plugins that are not used and lost settings, and close it at the end."""
    with data_only(), Workspace() as opened:
        told = set(opened.plugin_failures)
        if not as_json:
            for failure in opened.plugin_failures:
                tell("warning", f"the plugin {failure.plugin} is not used: {failure.reason}", color="yellow")
            if problem := opened.settings.problem:
                tell("warning", problem, color="yellow")
        try:
            yield opened
        finally:
            opened.close()
            for failure in opened.plugin_failures if not as_json else ():
                if failure not in told:
                    where = f" in {failure.hook}" if failure.hook else ""
                    tell("warning", f"the plugin {failure.plugin} failed{where}: {failure.reason}", color="yellow")
