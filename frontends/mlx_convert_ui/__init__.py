"""The browser UI of mlx-convert: pages over the same Workspace that the command line drives."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlx_convert_ui.serving import Address

__all__ = ["run"]


def run(
    *, host: str = "127.0.0.1", port: int | None = None, token: str | None = None, browser: bool = True
) -> Address | None:
    """Serve the UI until Ctrl-C; see `serving.serve`. Imports lazily, so that a CLI may name it for free."""
    from mlx_convert_ui.serving import serve

    return serve(host=host, port=port, token=token, browser=browser)
