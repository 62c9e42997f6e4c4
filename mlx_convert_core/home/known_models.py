"""Converted models as a workspace knows them: the library that a plugin keeps, and folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_convert_core.base.file_names import CONFIG
from mlx_convert_core.base.identity import as_on_disk, same_place
from mlx_convert_core.base.paths import expanded, in_text, spelled
from mlx_convert_core.base.shell import typed
from mlx_convert_core.errors import EntryNotFound, InvalidRequest, MlxConvertError, PluginNotLoaded, RepoNotFound
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.remedies import RunCommand

if TYPE_CHECKING:
    from mlx_convert_core.model.contents import FolderContents
    from mlx_convert_core.model.library import LibraryEntry
    from mlx_convert_core.model.results import ConvertResult
    from mlx_convert_core.plugins.interfaces import LibraryStore
    from mlx_convert_core.running.context import JobContext


class Models:
    """Finds converted models by name or folder, and keeps the library up to date."""

    def __init__(self, hooks: Hooks, home: Path) -> None:
        self._hooks = hooks
        self._home = home
        self._store: LibraryStore | None = None

    @property
    def store(self) -> LibraryStore:
        """The library; raises PluginNotLoaded when no plugin keeps one."""
        if self._store is None:
            self._store = self._hooks.first("library_store", home=self._home)
        if self._store is None:
            raise PluginNotLoaded(
                "no plugin keeps a library.", hint="Install or enable one; the built-in is mlx_convert_library."
            )
        return self._store

    def find(self, name: str | Path) -> LibraryEntry:
        """The one library entry with this name or path.

        Raises EntryNotFound, and InvalidRequest (code ``ambiguous``) when it may mean several folders: none is guessed.
        """
        entries = self.store.entries()
        found = [entry for entry in entries if entry.name == str(name) or same_place(entry.path, Path(name))]
        if len(found) > 1:
            raise _ambiguous(str(name), found)
        if found:
            return found[0]
        raise EntryNotFound(
            f"'{name}' is not in the library.",
            hint="Models in folders that the library does not know can be added.",
            remedies=(RunCommand("library list"), RunCommand("library scan")),
        )

    def scan(self, folder: Path, left_out: Callable[[str], None]) -> tuple[LibraryEntry, ...]:
        """Add every MLX folder at or below ``folder`` to the library; the entries that were found.

        ``left_out`` is told, in a sentence, of what can't be kept, can't be read, is damaged or was not looked at.
        """
        from mlx_convert_core.model.library_scan import scan

        if not spelled(folder).is_dir():
            raise RepoNotFound(f"there is no folder {folder}.", hint="Check the path.", code="no_folder")

        def skipped(path: Path, reason: str) -> None:
            left_out(f"{in_text(str(path))} is left out: {reason}")

        found = []
        for entry in scan(folder, skipped):
            try:
                spelled(entry.path)
            except InvalidRequest as error:
                skipped(entry.path, error.message)
                continue
            self._keep(entry)
            found.append(entry)
        return tuple(found)

    def take_in(self, folder: Path) -> LibraryEntry:
        """Add the MLX model in ``folder`` to the library. Raises CorruptCheckpoint for a damaged one, RepoNotFound."""
        from mlx_convert_core.model.library_folder import described

        entry = described(folder)
        if entry is None:
            raise RepoNotFound(f"{folder} holds no MLX model.", code="no_model")
        self._keep(entry)
        return entry

    def what_removal_takes(self, entry: LibraryEntry) -> FolderContents | None:
        """What goes with the folder of ``entry``, None when it has vanished; raises LibraryError when it must stay."""
        from mlx_convert_core.writing.removal import what_removal_takes

        return what_removal_takes(entry, self.store.entries()) if os.path.lexists(entry.path) else None

    def remove(self, entry: LibraryEntry, *, keep_files: bool, permanently: bool) -> None:
        """Forget ``entry`` and, unless ``keep_files`` or it has vanished, have its folder go. Raises LibraryError."""
        from mlx_convert_core.writing.removal import delete_folder

        entries = self.store.entries()
        if entry.path not in {known.path for known in entries}:
            raise EntryNotFound(f"{entry.path} is not in the library.", remedies=(RunCommand("library list"),))
        if not keep_files and os.path.lexists(entry.path):
            delete_folder(entry, entries, permanently=permanently)
        self.store.remove(entry.path)

    def _keep(self, entry: LibraryEntry) -> None:
        """Add ``entry``; one that another spelling or a link had made of the same folder goes."""
        for known in self.store.entries():
            if known.path != entry.path and same_place(known.path, entry.path):
                self.store.remove(known.path)
        self.store.add(entry)

    def path_of(self, model: str | Path) -> Path:
        """The folder of a converted model: a path, or else a name in the library.

        Raises RepoNotFound, EntryNotFound, and InvalidRequest (code ``ambiguous``) for a name of several.
        """
        path = expanded(model)
        if (path / CONFIG).is_file():
            return spelled(as_on_disk(path))
        if path.exists() or isinstance(model, Path) or "/" in str(model):
            raise RepoNotFound(
                f"{model} is no converted model: there is no {CONFIG} in it.",
                hint="Give the folder of a converted model, or a name from the library.",
                remedies=(RunCommand("library list"),),
                code="no_model",
            )
        entry = self.find(model)
        if entry.missing:
            raise EntryNotFound(
                f"the folder of '{entry.name}' has vanished: {entry.path}.",
                hint="Put it back, convert the model again, or have the library forget it.",
                remedies=(RunCommand("library remove", (str(entry.path),)),),
                code="entry_missing",
            )
        return entry.path

    def remember(self, result: ConvertResult, context: JobContext) -> None:
        """Add what was published to the library; a library at fault does not undo the conversion."""
        from mlx_convert_core.model.library_folder import entry_of

        try:
            for model in result.models:
                entry = entry_of(model.path)
                if entry is not None:
                    source = expanded(result.ref)
                    here = str(source.absolute()) if source.exists() else entry.source
                    self._keep(replace(entry, bits_per_weight=model.bits_per_weight, source=here))
        except MlxConvertError as error:
            context.message(f"the library was not updated: {error.message} {error.hint}", "warning")


def _ambiguous(name: str, entries: Sequence[LibraryEntry]) -> InvalidRequest:
    places = [f"{entry.path} (missing)" if entry.missing else str(entry.path) for entry in entries]
    return InvalidRequest(
        f"'{name}' may mean {len(entries)} models: {', '.join(places)}.",
        hint=f"Give the folder of the one that you mean, such as {typed(entries[0].path)}",
        code="ambiguous",
    )
