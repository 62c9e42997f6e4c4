"""The browser UI of mlx-convert: pages over the same Workspace that the command line drives.

It is a built-in plugin too: that is how the command line, which never imports it, comes to have `mlx-convert ui`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import hookimpl

if TYPE_CHECKING:
    from mlx_convert_core.plugin import Command


@hookimpl
def register_commands() -> Iterable[Command]:
    """Add `mlx-convert ui`."""
    from mlx_convert_core.plugin import Command

    yield Command(name="ui", summary="Open the app in the browser", load=_command)


def _command() -> Any:
    from mlx_convert_ui.shell.command import ui

    return ui
