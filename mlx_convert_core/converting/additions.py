"""What plugins add to an output before it is checked; who changes what was written is known by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.errors import ConversionFailed
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.writing.read_back import Stamp, exact_stamp


@dataclass(frozen=True, slots=True)
class Additions:
    """The findings of all plugins, and for each file that one of them changed, or removed, which that was."""

    findings: tuple[Finding, ...]
    changed: dict[str, str]

    @contextmanager
    def blamed(self, hooks: Hooks) -> Iterator[None]:
        """When the body's check refuses a file that a plugin changed, say so: neither the disk nor we are at fault."""
        try:
            yield
        except ConversionFailed as error:
            culprit = next((plugin for name, plugin in self.changed.items() if name in error.message), None)
            if culprit is None:
                raise
            raise ConversionFailed(
                f"{error.message} The plugin {hooks.named(culprit)} changed it in post_convert.",
                hint="Nothing was published. Report it to the plugin's author, or leave the plugin out with"
                " MLX_CONVERT_PLUGINS.",
                code=error.code,
            ) from error


def add_to(about: ConvertPlan, folder: Path, hooks: Hooks) -> Additions:
    """Let plugins add to the output in ``folder``, one after the other. Raises PluginError."""
    findings: list[Finding] = []
    changed: dict[str, str] = {}
    before = _stamps(folder)
    for plugin, found in hooks.in_turn("post_convert", Finding, plan=about, staging=folder):
        now = _stamps(folder)
        changed |= {name: plugin for name, stamp in before.items() if now.get(name) != stamp}
        findings += found
        before = now
    return Additions(tuple(findings), changed)


def _stamps(folder: Path) -> dict[str, Stamp]:
    return {path.name: exact_stamp(path.lstat()) for path in folder.iterdir()}
