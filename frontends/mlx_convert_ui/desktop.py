"""What only the machine itself can do: show a folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

SHOW_LABEL = "Show in Finder" if sys.platform == "darwin" else "Show folder"


def show_folder(path: Path) -> bool:
    """Open ``path`` in the file manager; False when there is none. Blocks for a moment: call it on a thread."""
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if opener is None or not path.is_dir():
        return False
    done = subprocess.run([opener, str(path)], capture_output=True, check=False, timeout=20)
    return done.returncode == 0


async def reveal(path: Path) -> None:
    """Show ``path`` in the file manager, or say where it is when there is none."""
    from nicegui import run, ui

    if not await run.io_bound(show_folder, path):
        ui.notify(f"No file manager answers here. The folder is {path}")
