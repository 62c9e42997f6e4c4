"""A new plugin package, from `plugin_template`: a whole plugin named acme, in which that name is replaced."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mlx_convert_core import InvalidRequest, OutputExists, Workspace
from mlx_convert_core.plugin import command, spelled

TEMPLATE = Path(__file__).with_name("plugin_template")
FILES = (  # of the template: what tools leave beside them (caches, compiled files) is not copied
    ".gitignore",
    "README.md",
    "pyproject.toml",
    "src/mlx_convert_acme/__init__.py",
    "src/mlx_convert_acme/py.typed",
    "src/mlx_convert_acme/shared_folder.py",
    "tests/test_mlx_convert_acme.py",
)
PREFIX = "mlx-convert-"
LONGEST = 30  # characters: a name goes into lines of code, which stay within 120, and into file names
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class PluginName:
    """The name of a plugin, as ``plugin`` (entry point, preset, upload target), and as what else is named after it."""

    plugin: str

    @property
    def package(self) -> str:
        """The name to install it by."""
        return PREFIX + self.plugin

    @property
    def module(self) -> str:
        """The name to import it by."""
        return self.package.replace("-", "_")

    def put_into(self, text: str) -> str:
        """``text`` of the template for this plugin."""
        upper = self.plugin.upper().replace("-", "_")
        return text.replace("mlx_convert_acme", self.module).replace("ACME", upper).replace("acme", self.plugin)


def plugin_name(text: str) -> PluginName:
    """The name that ``text`` means, with or without ``mlx-convert-``. Raises InvalidRequest (code ``plugin_name``)."""
    name = re.sub(r"[-_. ]+", "-", text.strip().lower()).removeprefix(PREFIX)
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise InvalidRequest(
            f"'{text}' is no name for a plugin.",
            hint=f"Take a letter, then letters, digits and single hyphens, {LONGEST} at most, such as my-team.",
            code="plugin_name",
        )
    return PluginName(name)


def refuse_taken(name: PluginName, workspace: Workspace) -> None:
    """Raise InvalidRequest (code ``plugin_name``) when something that is installed has the name already."""
    taken = {
        f"the preset '{name.plugin}'": name.plugin in workspace.presets,
        f"the upload target '{name.plugin}'": name.plugin in workspace.upload_targets(),
        f"the package {name.package}": find_spec(name.module) is not None,
    }
    for what, there in taken.items():
        if there:
            raise InvalidRequest(f"{what} is there already.", hint="Choose another name.", code="plugin_name")


def write_plugin(name: PluginName, folder: Path) -> tuple[Path, ...]:
    """Write the package into the new ``folder``: whole or not at all. Gives the files, relative to it.

    Raises OutputExists (code ``exists``), InvalidRequest (code ``not_writable``).
    """
    folder = spelled(folder)
    if folder.exists() or folder.is_symlink():
        again = command("mlx-convert plugins new", name.plugin, "--output")
        raise OutputExists(f"{folder} is there already.", hint=f"Name another folder: {again} FOLDER")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name[:40]}.", dir=folder.parent) as hidden:
            made = Path(hidden, name.package)
            files = tuple(_write(name, made))
            made.rename(folder)
    except OSError as error:
        problem = f"can't write {folder}: {error.strerror}."
        raise InvalidRequest(problem, hint="Choose another folder: --output FOLDER", code="not_writable") from None
    return files


def _write(name: PluginName, folder: Path) -> Iterator[Path]:
    for file in FILES:
        text = (TEMPLATE / file).read_text(encoding="utf-8")
        made = Path(name.put_into(file))
        (folder / made).parent.mkdir(parents=True, exist_ok=True)
        (folder / made).write_text(name.put_into(text), encoding="utf-8")
        yield made
