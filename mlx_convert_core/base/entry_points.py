"""Entry points read straight from the metadata of installed packages.

`importlib.metadata` says the same, but importing it takes as long as all the rest of `--help`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

_FOLDERS = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}  # what an installer leaves, and the file with its name


class EntryPoint(NamedTuple):
    """What an installed distribution offers as ``name``: the object ``value``, a ``module`` or ``module:attribute``."""

    name: str
    value: str
    distribution: str
    version: str

    @property
    def module(self) -> str:
        """The module that has the object."""
        return self.value.partition(":")[0].strip()


def entry_points(group: str) -> Iterator[EntryPoint]:
    """Every entry point in ``group``, in the order of Python's path; of a distribution there twice, the first one's.

    An entry of the path that is no whole path is whatever folder one stands in: what lies there is not installed.
    """
    seen: set[str] = set()
    for folder in filter(os.path.isabs, sys.path):
        for package in _packages(folder):
            stem, end = os.path.splitext(package)
            key = stem.partition("-")[0].lower().replace(".", "_")
            if key in seen:
                continue
            seen.add(key)
            path = os.path.join(folder, package)
            offered = list(_in_group(path, group))
            if offered:
                about = _about(os.path.join(path, _FOLDERS[end]))
                yield from (EntryPoint(name, value, *about) for name, value in offered)


def _packages(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(tuple(_FOLDERS)))
    except OSError:
        return []


def _in_group(package: str, group: str) -> Iterator[tuple[str, str]]:
    inside = False
    for line in _lines(os.path.join(package, "entry_points.txt")):
        if line.startswith("["):
            inside = line == f"[{group}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _about(path: str) -> tuple[str, str]:
    """Name and version of a distribution, from the head of its metadata."""
    found = {"name": "", "version": ""}
    for line in _lines(path):
        field, _, value = line.partition(":")
        if field.lower() in found and not found[field.lower()]:
            found[field.lower()] = value.strip()
        if not line or all(found.values()):
            break
    return found["name"], found["version"]


def _lines(path: str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                yield line.strip()
    except (OSError, ValueError):
        return
