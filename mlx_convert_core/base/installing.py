"""How a package gets into the Python environment in which this program runs."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mlx_convert_core.base.shell import command

OURS = "mlx-convert"


def install_command(package: str, *, again: bool = False) -> str:
    """The command that adds ``package``, or puts it in ``again``, by whatever keeps this environment.

    Environments of uv and pipx are theirs: those of uv have no pip, and what pip adds is lost with the next update.
    """
    place = Path(sys.prefix)
    if (place / "uv-receipt.toml").is_file():
        return _by_uv(place / "uv-receipt.toml", package, again=again)
    if (place / "pipx_metadata.json").is_file():
        if again:
            return command("pipx runpip", place.name, "install", "--force-reinstall", package)
        return command("pipx inject", place.name, package)
    if find_spec("pip") is None:
        return command("uv pip install", *["--reinstall"] * again, "--python", sys.executable, package)
    return command("", sys.executable, "-m", "pip", "install", *["--force-reinstall"] * again, package)


def _by_uv(receipt: Path, package: str, *, again: bool) -> str:
    """uv makes the environment anew, so that everything it was asked for is named once more."""
    ours, others = OURS, []
    for requirement in _requirements(receipt):
        if requirement.get("name") == OURS:
            places = (requirement.get(kind) for kind in ("editable", "directory", "path", "url", "git"))
            ours = next(filter(None, places), OURS)
        else:
            others.append(str(requirement.get("name")))
    if again:
        return command("uv tool install --reinstall-package", package, ours, *_with(others))
    return command("uv tool install", ours, *_with([*others, package]))


def _with(packages: list[str]) -> Iterator[str]:
    for package in dict.fromkeys(packages):
        yield from ("--with", package)


def _requirements(receipt: Path) -> list[dict[str, Any]]:
    """What uv was asked to install, as its receipt has it; [] when that can't be read."""
    try:
        found = tomllib.loads(receipt.read_text(encoding="utf-8"))["tool"]["requirements"]
        return [requirement for requirement in found if isinstance(requirement, dict)]
    except (OSError, ValueError, KeyError, TypeError):
        return []
