"""`python -m mlx_convert_ui`: the UI without the command line around it."""

from __future__ import annotations

import sys


def main() -> None:
    """The same as `mlx-convert ui`."""
    from mlx_convert_core import MlxConvertError
    from mlx_convert_ui.shell.command import ui

    try:
        ui()
    except MlxConvertError as error:
        sys.exit(f"error [{error.code}]: {error.message}\n  next: {error.hint}")


if __name__ == "__main__":
    main()
