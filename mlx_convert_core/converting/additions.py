"""What plugins add to an output before it is checked; who changes what was written is known by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.writing.read_back import Stamp, exact_stamp


@dataclass(frozen=True, slots=True)
class Additions:
    """The findings of all plugins, and for each file that one of them changed, or removed, which that was, in words."""

    findings: tuple[Finding, ...]
    culprits: dict[str, str]


def add_to(about: ConvertPlan, folder: Path, hooks: Hooks) -> Additions:
    """Let plugins add to the output in ``folder``, one after the other. Raises PluginError."""
    findings: list[Finding] = []
    culprits: dict[str, str] = {}
    before = _stamps(folder)
    for plugin, found in hooks.in_turn("post_convert", Finding, plan=about, staging=folder):
        now = _stamps(folder)
        told = f"The plugin {hooks.named(plugin)}"
        culprits |= {name: told for name in before.keys() | now.keys() if now.get(name) != before.get(name)}
        findings += found
        before = now
    return Additions(tuple(findings), culprits)


def _stamps(folder: Path) -> dict[str, Stamp]:
    return {path.name: exact_stamp(path.lstat()) for path in folder.iterdir()}
