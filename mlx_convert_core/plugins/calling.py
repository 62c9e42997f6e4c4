"""Call hooks, each implementation inside its own guard, so that a fault is named and stays alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, TypeVar

from mlx_convert_core.errors import MlxConvertError, NameConflict, PluginError
from mlx_convert_core.plugins.loading import PluginSet
from mlx_convert_core.refusals import system_refusal

T = TypeVar("T")
# What each provider hook has to give, and each item of a registrar hook has to be: imported when it is called, since
# most commands call few.
_CORE = "mlx_convert_core"
_PROVIDED = {
    "model_source": f"{_CORE}.plugins.model_sources:ModelSource",
    "model_converter": f"{_CORE}.plugins.model_converters:ModelConverter",
    "model_runner": f"{_CORE}.plugins.interfaces:ModelRunner",
    "model_senses": "collections.abc:Collection",
    "quantize_strategy": f"{_CORE}.plugins.model_converters:AnyStrategy",
    "quantize_method": f"{_CORE}.plugins.model_converters:QuantizeMethod",
    "library_store": f"{_CORE}.plugins.interfaces:LibraryStore",
}
_REGISTERED = {
    "register_presets": f"{_CORE}.model.quantization:Preset",
    "register_source_kinds": f"{_CORE}.plugins.source_kinds:SourceKind",
    "register_checks": f"{_CORE}.plugins.checks:ModelCheck",
    "register_upload_targets": f"{_CORE}.plugins.interfaces:UploadTarget",
    "register_accounts": f"{_CORE}.plugins.offers:Account",
    "register_metrics": f"{_CORE}.plugins.scoring:Metric",
    "register_texts": f"{_CORE}.plugins.scoring:MeasuringText",
    "register_tasks": f"{_CORE}.plugins.scoring:TaskSet",
    "register_commands": f"{_CORE}.plugins.offers:Command",
    "register_pages": f"{_CORE}.plugins.offers:Page",
}
_REGISTRAR = "register_"
_FAULTS = (Exception, SystemExit)  # a plugin may not end the program either


class Hooks:
    """The hooks of a plugin set.

    A plugin's own MlxConvertError passes as it is; any other exception becomes a PluginError that
    names the plugin, the hook and the distribution.
    """

    def __init__(self, plugins: PluginSet) -> None:
        self.plugins = plugins
        self.observing = ""  # the plugin whose observer runs now

    def first(self, hook: str, /, **arguments: Any) -> Any:
        """Ask the providers of ``hook`` in turn; the first answer that is not None, or None."""
        return self.first_named(hook, **arguments)[1]

    def first_named(self, hook: str, /, **arguments: Any) -> tuple[str, Any]:
        """As `first`, with the plugin that answered; ("", None) when none did."""
        for plugin, answer in self._answers(hook, arguments):
            if answer is not None:
                return plugin, self._checked(plugin, hook, answer, _imported(_PROVIDED[hook]))
        return "", None

    def each(self, hook: str, /, **arguments: Any) -> list[tuple[str, Any]]:
        """Call every implementation of ``hook``: (plugin, answer), iterables consumed, in order of calls."""
        return [(plugin, answer) for plugin, answer in self._answers(hook, arguments) if answer is not None]

    def answers(self, hook: str, kind: type[T], /, **arguments: Any) -> tuple[T, ...]:
        """The answer of every implementation of ``hook``, each a ``kind``; raises PluginError."""
        return tuple(self._checked(plugin, hook, answer, kind) for plugin, answer in self.each(hook, **arguments))

    def collect(self, hook: str, kind: type[T], /, **arguments: Any) -> tuple[T, ...]:
        """Every item of type ``kind`` that any implementation of ``hook`` yields; raises PluginError."""
        return tuple(item for _, item in self.collect_named(hook, kind, **arguments))

    def collect_named(self, hook: str, kind: type[T], /, **arguments: Any) -> tuple[tuple[str, T], ...]:
        """As `collect`, each item with the plugin that yields it."""
        return tuple((plugin, item) for plugin, items in self.in_turn(hook, kind, **arguments) for item in items)

    def in_turn(self, hook: str, kind: type[T], /, **arguments: Any) -> Iterator[tuple[str, tuple[T, ...]]]:
        """As `collect`, the items of one plugin after the other: the next is called when its own are wanted."""
        for plugin, answer in self._answers(hook, arguments):
            if answer is not None and not isinstance(answer, Iterable):
                raise self.fault(plugin, hook, TypeError(f"gave a {type(answer).__name__}, not a list"))
            yield plugin, tuple(self._checked(plugin, hook, item, kind) for item in answer or ())

    def observe(self, hook: str, /, **arguments: Any) -> None:
        """Call every implementation of ``hook``; a fault is recorded and goes no further."""
        for plugin, call in self._calls(hook, arguments):
            self.observing = plugin
            try:
                call()
            except _FAULTS as error:
                self.plugins.fail(plugin, _told(error), hook=hook)
            self.observing = ""

    def register(self, hook: str) -> dict[str, Any]:
        """The named items of a registrar hook. A fault, or a name taken twice, is recorded, never raised."""
        return {key: item for key, (item, _) in self.registered(hook).items()}

    def owner(self, hook: str, name: str) -> str:
        """The plugin that offers the item ``name`` of a registrar hook, "" when none does."""
        return self.registered(hook).get(name, (None, ""))[1]

    def registered(self, hook: str) -> dict[str, tuple[Any, str]]:
        """As `register`, each item with the plugin that offers it."""
        items: dict[str, tuple[Any, str]] = {}
        for plugin, call in reversed(list(self._calls(hook, {}))):
            kind = _imported(_REGISTERED[hook])
            try:
                offered = [self._checked(plugin, hook, item, kind) for item in call() or ()]
            except _FAULTS as error:
                self.plugins.fail(plugin, _told(error), hook=hook)
                continue
            for item in offered:
                key = str(getattr(item, "name"))  # noqa: B009 - every registrar's item has a name
                if key in items:
                    conflict = self._conflict(key, items[key][1], plugin)
                    self.plugins.fail(plugin, conflict.message, hook=hook)
                    continue
                items[key] = item, plugin
        return items

    def offered(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """What each plugin registers: its name -> kind (``presets``, ``upload targets``) -> names of the items."""
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for hook in _REGISTERED:
            kind = hook.removeprefix(_REGISTRAR).replace("_", " ")
            for name, (_, plugin) in self.registered(hook).items():
                adds = found.setdefault(plugin, {})
                adds[kind] = (*adds.get(kind, ()), name)
        return found

    def fault(self, plugin: str, hook: str, error: BaseException) -> PluginError:
        """The error for what ``plugin`` did wrong in ``hook``, or with what it offered there.

        What the system refuses to everybody, such as memory or room on a disk, is not laid at the plugin's door.
        """
        refused = system_refusal(error)
        if refused is not None and not isinstance(error, FileNotFoundError | PermissionError):
            return PluginError(refused.message, hint=refused.hint, remedies=refused.remedies, code=refused.code)
        return PluginError(
            f"the plugin {self.named(plugin)} failed in {hook}: {_told(error)}.",
            hint="Report it to the plugin's author, or leave the plugin out with MLX_CONVERT_PLUGINS.",
        )

    def named(self, plugin: str) -> str:
        """The plugin with its distribution, as it is told to people."""
        distribution = self.plugins.spec(plugin).distribution
        return f"{plugin} ({distribution})" if distribution and distribution != plugin else plugin

    def _answers(self, hook: str, arguments: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for plugin, call in self._calls(hook, arguments):
            try:
                yield plugin, call()
            except MlxConvertError:
                raise
            except _FAULTS as error:
                raise self.fault(plugin, hook, error) from error

    def _calls(self, hook: str, arguments: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
        for implementation in reversed(getattr(self.plugins.manager.hook, hook).get_hookimpls()):
            accepted = {key: arguments[key] for key in implementation.argnames}

            def call(function: Callable[..., Any] = implementation.function, accepted: Any = accepted) -> Any:
                answer = function(**accepted)
                return list(answer) if isinstance(answer, Iterator) else answer

            yield implementation.plugin_name, call

    def _checked(self, plugin: str, hook: str, item: Any, kind: type[T]) -> T:
        if isinstance(item, kind):
            return item
        raise self.fault(plugin, hook, TypeError(f"gave a {type(item).__name__}, not a {_wanted(kind, item)}"))

    def _conflict(self, key: str, owner: str, plugin: str) -> NameConflict:
        return NameConflict(
            f"'{key}' of {self.named(plugin)} is taken by {self.named(owner)}.",
            hint="Rename it in one of them, or remove one of the two plugins.",
        )


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def _wanted(kind: Any, item: object) -> str:
    """The name of ``kind``; for a protocol with what ``item`` lacks of it."""
    kind = getattr(kind, "__args__", (kind,))[0]  # of several the usual one
    if not getattr(kind, "_is_protocol", False):
        return str(kind.__name__)
    members = {*dir(kind), *kind.__annotations__}
    lacking = sorted(name for name in members if not name.startswith("_") and not hasattr(item, name))
    return f"{kind.__name__} (it has no {', '.join(lacking)})"


def _told(error: BaseException) -> str:
    if isinstance(error, MlxConvertError):
        return error.message.rstrip(".")
    return f"{type(error).__name__}: {error}"
