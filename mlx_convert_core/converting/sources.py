"""Whose a ref is: the plugins are asked, and nothing else reads one. Folders are taken when no plugin does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from mlx_convert_core.base.addresses import shareable_address, without_secrets
from mlx_convert_core.base.paths import expanded
from mlx_convert_core.converting import local_folder
from mlx_convert_core.converting.local_folder import LocalFolder
from mlx_convert_core.errors import InvalidRequest, MlxConvertError, PluginError
from mlx_convert_core.model.adapters import Adapter, no_adapter
from mlx_convert_core.model.card import card_text
from mlx_convert_core.model.considered import SourceAbout
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.plugins.model_sources import AdapterSource, ModelSource
from mlx_convert_core.plugins.source_kinds import DescribedSource, SourceKind

_HOOK = "register_source_kinds"
_SHOWN = 3  # refs in an error about many; the first tell what is wrong with all


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedModel:
    """What the sources make of a text that is to name a model.

    ``kind`` is the name of the `SourceKind` whose it is, "" when its source has none; ``name`` is what the model is
    called, "" when its source does not say.
    ``lacking`` says in a sentence what it takes to make a ref of the text, "" when it is one.
    """

    ref: str
    kind: str = ""
    name: str = ""
    lacking: str = ""

    @property
    def whole(self) -> bool:
        """Whether it can be asked for: a source takes it, or has an error to tell about it."""
        return bool(self.ref) and not self.lacking


class Sources:
    """The sources of all plugins, and folders. Only `ModelSource` itself asks a network, never what is here."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    @cached_property
    def kinds(self) -> dict[str, SourceKind]:
        """What refs look like, by name: those that lie elsewhere first, then those of this machine."""
        found = [local_folder.KIND, *(kind for kind, _ in self._registered.values())]
        return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.local)}

    @property
    def searched(self) -> tuple[SourceKind, ...]:
        """The kinds that can be searched."""
        return tuple(kind for kind in self.kinds.values() if kind.search is not None)

    def fault(self, kind: SourceKind, error: BaseException) -> PluginError:
        """The error for what went wrong in a function of ``kind``; it names the plugin."""
        return self._hooks.fault(self._registered[kind.name][1], _HOOK, error)

    def of(self, ref: str, revision: str | None = None) -> ModelSource:
        """The source of ``ref``; raises InvalidRequest (``bad_id``, ``no_model``) when nobody takes it."""
        source = self._ask(ref, revision)[1]
        if source is None and expanded(ref).is_file():
            raise InvalidRequest(
                f"{ref} is a file that no plugin can read as a model.", hint=self._examples, code="no_model"
            )
        if source is None:
            raise InvalidRequest(
                f"'{ref[:200]}' names no model: no source here takes it.", hint=self._examples, code="bad_id"
            )
        return source

    def about(self, model: ModelInfo) -> SourceAbout:
        """What the source of ``model``, which was inspected, tells of it besides. Raises MlxConvertError."""
        plugin, source = self._ask(model.ref, model.revision)
        if not isinstance(source, DescribedSource):
            folder = model.path
            return SourceAbout(card=card_text(folder) if folder is not None and folder.is_dir() else "")
        try:
            told = source.about(model)
            if not isinstance(told, SourceAbout):
                raise TypeError(f"about() gave a {type(told).__name__}, not a SourceAbout")
        except MlxConvertError:
            raise
        except (Exception, SystemExit) as error:
            raise self._hooks.fault(plugin, "model_source", error) from error
        return told

    def adapter(self, ref: str) -> Adapter:
        """The adapter at ``ref``; raises InvalidRequest (``no_adapter``), and what `of` and its source raise."""
        source = self.of(ref)
        if not isinstance(source, AdapterSource):
            raise no_adapter(ref)
        return source.adapter()

    def read(self, text: str) -> NamedModel:
        """What ``text`` names, whole or not. Reads the disk: where that may be slow, call it on a thread."""
        ref = text.strip()
        if not ref:
            return NamedModel(ref="")
        plugin, source, refused = "", None, False
        try:
            ref = without_secrets(ref)
            plugin, source = self._ask(ref, None)
            if source is None and expanded(ref).is_file():
                return NamedModel(ref=ref)  # `of` has a word for it
        except MlxConvertError:
            refused = True
        kinds = self._kinds_of(plugin, source) if source is not None else self.kinds
        for kind in kinds.values():
            lacking = self._lacking(kind, ref)
            if lacking:
                return NamedModel(ref=ref, kind=kind.name, lacking=lacking)
        if source is None:
            return NamedModel(ref=ref, lacking="" if refused else f"No source here takes this. {self._examples}")
        named = getattr(source, "name", "")
        return NamedModel(ref=ref, kind=next(iter(kinds), ""), name=named if isinstance(named, str) else "")

    def check(self, refs: Iterable[str], revision: str | None = None) -> None:
        """Raise InvalidRequest when some of ``refs`` can't name a model. What is only not there now passes."""
        wrong: dict[str, InvalidRequest] = {}
        for ref in refs:
            try:
                self.of(without_secrets(ref), revision)
            except InvalidRequest as error:
                wrong[ref] = error
            except MlxConvertError:
                continue
        if len(wrong) == 1:
            raise next(iter(wrong.values()))
        if wrong:
            shown = ", ".join(f"'{ref[:80]}'" for ref in list(wrong)[:_SHOWN])
            more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            raise InvalidRequest(f"these name no model: {shown}{more}.", hint=self._examples, code="bad_id")

    def shareable(self, ref: str) -> str:
        """``ref`` if it means the same on every machine, without any user or secret in it; else ""."""
        try:
            plugin, source = self._ask(ref, None)
        except MlxConvertError:
            plugin, source = "", None
        kinds = self._kinds_of(plugin, source) if source is not None else {}
        if any(kind.local for kind in kinds.values()):
            return ""
        return ref if kinds and "://" not in ref else shareable_address(ref)

    def offers(self, ref: str) -> bool:
        """Whether a source here takes ``ref`` as it stands, and it means the same model on every machine."""
        named = self.read(ref)
        return bool(named.kind) and named.whole and self.shareable(ref) == ref

    @cached_property
    def _registered(self) -> dict[str, tuple[SourceKind, str]]:
        found = self._hooks.registered(_HOOK)
        return {name: (kind, plugin) for name, (kind, plugin) in found.items() if name != local_folder.KIND.name}

    @property
    def _examples(self) -> str:
        named = ", ".join(f"{kind.example} ({kind.title})" for kind in self.kinds.values())
        return f"A model is named like these: {named}."

    def _ask(self, ref: str, revision: str | None) -> tuple[str, ModelSource | None]:
        """The source that takes ``ref``, and its plugin: "" for a folder, which needs none."""
        plugin, source = self._hooks.first_named("model_source", ref=ref, revision=revision)
        return (plugin, source) if source is not None else ("", LocalFolder.of(ref))

    def _kinds_of(self, plugin: str, source: ModelSource) -> dict[str, SourceKind]:
        if isinstance(source, LocalFolder):
            return {local_folder.KIND.name: local_folder.KIND}
        return {name: kind for name, (kind, owner) in self._registered.items() if owner == plugin}

    def _lacking(self, kind: SourceKind, text: str) -> str:
        """What ``kind`` says of ``text``; a fault of its plugin is noted, and keeps nobody from typing on."""
        try:
            told = kind.lacking(text)
            if not isinstance(told, str):
                raise TypeError(f"lacking() of '{kind.name}' gave a {type(told).__name__}, not a str")
        except (Exception, SystemExit) as error:
            owner = self._registered[kind.name][1]
            self._hooks.plugins.fail(owner, f"{type(error).__name__}: {error}", hook=_HOOK)
            return ""
        return told
