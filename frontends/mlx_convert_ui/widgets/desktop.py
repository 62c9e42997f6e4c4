"""What only the machine itself can do: show a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from mlx_convert_ui.words import N_, _

PATIENCE = 2.0  # seconds
FINDER = ("open", "-R")  # shows it in the Finder; without -R a folder called X.app would be started
MANAGER = FINDER if sys.platform == "darwin" else ("xdg-open",)
SHOW_LABEL = N_("Show in Finder") if sys.platform == "darwin" else N_("Show folder")


def show_folder(path: Path) -> bool:
    """Show ``path`` in the file manager; False when there is none. Blocks for a moment: call it on a thread."""
    opener = shutil.which(MANAGER[0])
    if opener is None or not path.is_dir():
        return False
    quiet = subprocess.DEVNULL
    theirs = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}  # that is for our own
    process = subprocess.Popen(
        [opener, *MANAGER[1:], str(path)], env=theirs, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        return process.wait(PATIENCE) == 0
    except subprocess.TimeoutExpired:  # it is the file manager itself, and ends when that is closed
        threading.Thread(target=process.wait, name="file-manager", daemon=True).start()
        return True


async def reveal(path: Path) -> None:
    """Show ``path`` in the file manager, or say where it is when there is none."""
    from nicegui import run, ui

    if not await run.io_bound(show_folder, path):
        ui.notify(_("The folder can't be shown here. It is {path}", path=str(path)))
