"""Find, order and load plugins, and keep what went wrong with each.

Order of calls: third parties by distribution name, then single-file plugins, then built-ins. pluggy
calls the last registered first, so registration runs the other way round.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pluggy

from mlx_convert_core.base.entry_points import entry_points
from mlx_convert_core.base.paths import spelled
from mlx_convert_core.base.system_files import is_system_file
from mlx_convert_core.errors import InvalidRequest, PluginNotLoaded
from mlx_convert_core.plugins import hookspecs

OWN_DISTRIBUTION = "mlx-convert"
LIMIT_VARIABLE = "MLX_CONVERT_PLUGINS"  # comma-separated names; when set, only these are loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginSpec:
    """A plugin that can be found again in another process.

    ``target`` is ``module`` or ``module:attribute`` for an entry point or an import, a path for a file. ``folder`` is
    where an imported module was found: another process may have to look there too.
    """

    name: str
    kind: Literal["entry_point", "file", "import", "object", "missing"]
    target: str
    distribution: str = ""
    version: str = ""
    folder: str = ""

    @property
    def built_in(self) -> bool:
        """Whether it ships with mlx-convert itself."""
        return self.distribution == OWN_DISTRIBUTION


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPlugin:
    """A plugin that loaded, with the hooks it implements and the seconds that importing it took."""

    spec: PluginSpec
    hooks: tuple[str, ...]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginFailure:
    """A plugin, or one of its items, that is not used, and why."""

    plugin: str
    distribution: str
    reason: str
    hook: str = ""


class PluginSet:
    """The plugins of one process. Loading never raises: what fails is in `failures`."""

    def __init__(self, specs: Iterable[PluginSpec], extra: Iterable[object] = ()) -> None:
        self.manager = pluggy.PluginManager(hookspecs.GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.loaded: list[LoadedPlugin] = []
        self.failures: list[PluginFailure] = []
        self._specs: dict[str, PluginSpec] = {}
        named = [(spec, None) for spec in specs] + [(_spec_of(plugin), plugin) for plugin in extra]
        for spec, plugin in sorted(named, key=lambda pair: _call_order(pair[0]), reverse=True):
            self._load(spec, plugin)
        self.loaded.reverse()

    @property
    def specs(self) -> tuple[PluginSpec, ...]:
        """What another process needs to load the same plugins."""
        return tuple(plugin.spec for plugin in self.loaded)

    def spec(self, name: str) -> PluginSpec:
        """The specification of the plugin registered as ``name``."""
        return self._specs[name]

    def fail(self, plugin: str, reason: str, hook: str = "") -> None:
        """Record that ``plugin`` is at fault; shown by `mlx-convert plugins list`."""
        spec = self._specs.get(plugin)
        failure = PluginFailure(plugin=plugin, distribution=spec.distribution if spec else "", reason=reason, hook=hook)
        if failure not in self.failures:
            self.failures.append(failure)

    def _load(self, spec: PluginSpec, plugin: object | None) -> None:
        if self.manager.has_plugin(spec.name):
            self._reject(spec, f"another plugin is already called '{spec.name}'.")
            return
        began = time.perf_counter()
        try:
            found = _import(spec) if plugin is None else plugin
            problem = _problem(found)
            if problem:
                raise PluginNotLoaded(problem)
            self.manager.register(found, name=spec.name)
            self.manager.check_pending()
        except (Exception, SystemExit) as error:
            if self.manager.has_plugin(spec.name):
                self.manager.unregister(name=spec.name)
            self._reject(spec, _reason(error))
            return
        self._specs[spec.name] = spec
        took = time.perf_counter() - began
        self.loaded.append(LoadedPlugin(spec=spec, hooks=self._hooks_of(found), seconds=took))

    def _reject(self, spec: PluginSpec, reason: str) -> None:
        self.failures.append(PluginFailure(plugin=spec.name, distribution=spec.distribution, reason=reason))

    def _hooks_of(self, plugin: object) -> tuple[str, ...]:
        return tuple(sorted(caller.name for caller in self.manager.get_hookcallers(plugin) or ()))


def discover(home: Path) -> tuple[PluginSpec, ...]:
    """The installed plugins (entry-point group ``mlx_convert``) and the single files in ``home/plugins``.

    ``MLX_CONVERT_PLUGINS`` limits them to the names it lists, separated by commas; one that is not there is among
    them as ``missing``, and fails to load.
    """
    found = [*_entry_points(), *_files(home / "plugins")]
    limit = os.environ.get(LIMIT_VARIABLE)
    if limit is None:
        return tuple(found)
    wanted = {name.strip() for name in limit.split(",")} - {""}
    missing = wanted - {spec.name for spec in found}
    named = (PluginSpec(name=name, kind="missing", target="") for name in sorted(missing))
    return (*(spec for spec in found if spec.name in wanted), *named)


def _entry_points() -> Iterable[PluginSpec]:
    for point in entry_points(hookspecs.GROUP):
        yield PluginSpec(
            name=point.name,
            kind="entry_point",
            target=point.value,
            distribution=point.distribution,
            version=point.version,
        )


def _files(folder: Path) -> Iterable[PluginSpec]:
    for path in sorted(folder.glob("*.py")):
        if not is_system_file(path.name):
            yield PluginSpec(name=path.stem, kind="file", target=str(path), distribution=path.name)


def _call_order(spec: PluginSpec) -> tuple[int, str, str]:
    rank = 2 if spec.built_in else (1 if spec.kind == "file" else 0)
    return rank, spec.distribution.lower(), spec.name


def _spec_of(plugin: object) -> PluginSpec:
    if isinstance(plugin, ModuleType):
        return PluginSpec(name=plugin.__name__, kind="import", target=plugin.__name__, folder=_folder_of(plugin))
    name = getattr(plugin, "__name__", None) or type(plugin).__name__
    return PluginSpec(name=f"{name}-{id(plugin):x}", kind="object", target=repr(plugin))


def _folder_of(module: ModuleType) -> str:
    """The entry of the import path that ``module`` was found by, "" when it came another way."""
    spec = module.__spec__
    if spec is None or not spec.has_location or not spec.origin:
        return ""
    path = Path(spec.origin).absolute()
    above = spec.name.count(".") + (spec.submodule_search_locations is not None)
    return str(path.parents[above])


def _import(spec: PluginSpec) -> object:
    if spec.kind == "file":
        return _import_file(spelled(Path(spec.target)))
    if spec.kind == "missing":
        raise PluginNotLoaded(f"{LIMIT_VARIABLE} names it, and no plugin is called so.")
    if spec.kind == "object":
        raise PluginNotLoaded(
            f"the plugin object {spec.target} can't be named in a worker.",
            hint="Put it in an importable module, or use inline=True.",
        )
    module, _, attribute = spec.target.partition(":")
    if spec.folder and importlib.util.find_spec(module.partition(".")[0]) is None:
        sys.path.append(spec.folder)  # last: what lies there takes the place of nothing
    found: Any = importlib.import_module(module)
    for part in filter(None, attribute.split(".")):
        found = getattr(found, part)
    return found


def _import_file(path: Path) -> ModuleType:
    name = f"mlx_convert_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginNotLoaded(f"{path} can't be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _problem(plugin: object) -> str:
    """Why ``plugin`` can't be used, "" when it can."""
    marked = [
        (name, function)
        for name in dir(plugin)
        if (options := getattr(function := getattr(plugin, name, None), f"{hookspecs.GROUP}_impl", None))
        and isinstance(options, dict)
    ]
    if not marked:
        return "it has no function marked @hookimpl."
    for name, function in marked:
        options = getattr(function, f"{hookspecs.GROUP}_impl")
        if options.get("wrapper") or options.get("hookwrapper"):
            return f"{name} is a hook wrapper; wrappers are not supported."
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            return f"{name} is async; hooks are plain functions."
        specification = getattr(hookspecs, options.get("specname") or name, None)
        first = getattr(specification, f"{hookspecs.GROUP}_spec", {}).get("firstresult")
        if first and inspect.isgeneratorfunction(function):
            return f"{name} is a generator; this hook returns one answer."
    return ""


def _reason(error: BaseException) -> str:
    text = str(error).strip().replace("\n", " ")
    return text if isinstance(error, (PluginNotLoaded, InvalidRequest)) else f"{type(error).__name__}: {text}"
