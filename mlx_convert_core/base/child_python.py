"""The Python processes that we start: nothing that lies in the current folder is imported by them.

`python -c` and `python -m` put the current folder first on the import path, and a person may stand in a folder of
somebody else's: there a ``json.py`` would run in place of the standard library's.
"""

from __future__ import annotations

import os
import sys

SAFE_PATH = "PYTHONSAFEPATH"


def python_command(*arguments: str) -> list[str]:
    """The command line of this Python with ``arguments``, whose imports leave the current folder alone."""
    return [sys.executable, "-P", *arguments]


def python_environment(**more: str) -> dict[str, str]:
    """This environment with ``more``, for `python_command`; the Pythons that the new process starts are as careful."""
    inherited = {**os.environ, SAFE_PATH: "1"}
    if here := current_folder_entries():
        entries = inherited["PYTHONPATH"].split(os.pathsep)
        inherited["PYTHONPATH"] = os.pathsep.join(entry for entry in entries if entry not in here)
    return {**inherited, **more}


def current_folder_entries() -> set[str]:
    """The entries of PYTHONPATH that mean whatever folder one stands in: empty ones (``:/my/lib``) and ``.``."""
    value = os.environ.get("PYTHONPATH", "")
    return {entry for entry in value.split(os.pathsep) if os.path.normpath(entry) == "."} if value else set()
