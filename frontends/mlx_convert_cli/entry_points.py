"""Entry points read straight from the metadata of installed packages.

`importlib.metadata` says the same, but importing it takes as long as all the rest of `--help`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

_FOLDERS = (".dist-info", ".egg-info")


def entry_points(group: str) -> dict[str, str]:
    """Name -> module of every entry point in ``group``; the first on Python's path wins, as in an import.

    An empty entry of the path is whatever folder one stands in: what lies there is not installed.
    """
    found: dict[str, str] = {}
    for folder in filter(None, sys.path):
        for name, value in _in_folder(folder, group):
            found.setdefault(name, value.partition(":")[0].strip())
    return found


def _in_folder(folder: str, group: str) -> Iterator[tuple[str, str]]:
    try:
        packages = sorted(name for name in os.listdir(folder) if name.endswith(_FOLDERS))
    except OSError:
        return
    for package in packages:
        try:
            with open(os.path.join(folder, package, "entry_points.txt"), encoding="utf-8") as file:
                yield from _in_group(file, group)
        except (OSError, ValueError):
            continue


def _in_group(lines: Iterator[str], group: str) -> Iterator[tuple[str, str]]:
    inside = False
    for line in lines:
        line = line.strip()
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()
