"""A folder picker on the server's side, confined to a few roots."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from nicegui import run, ui

from mlx_convert_core import InvalidRequest
from mlx_convert_core.plugin import as_on_disk, expanded, file_names
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Badge, Button, Tag, block, note
from mlx_convert_ui.widgets.dialogs import answer_of
from mlx_convert_ui.words import _

LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A folder, or a file that is a model by itself; ``model`` marks what can be converted."""

    name: str
    path: Path
    folder: bool
    model: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a folder holds: ``parent`` is None at a root; ``more`` counts what was left out."""

    path: Path
    parent: Path | None
    rows: tuple[Row, ...]
    more: int = 0
    model: bool = False


def roots(studio: Studio) -> tuple[Path, ...]:
    """Where the picker may go: home, the folder we were started in, the output folder, other disks."""
    output = expanded(studio.workspace.settings.load().output_folder).absolute()
    disks = ["/Volumes"] if sys.platform == "darwin" else ["/mnt", "/media"]
    wanted = [Path.home(), Path.cwd(), output, *map(Path, disks)]
    found = tuple(dict.fromkeys(as_on_disk(path) for path in wanted if path.is_dir()))
    return tuple(path for path in found if not any(path != other and path.is_relative_to(other) for other in found))


def listing(folder: str | Path, allowed: tuple[Path, ...], *, suffix: str = "") -> Listing:
    """List the folders in ``folder``, and the files that end in ``suffix``, if one is named.

    Raises InvalidRequest (code ``outside``) unless it lies at or below one of ``allowed``. Links are followed before
    the question is asked, so that none leads out.
    """
    path = _confined(folder, allowed)
    rows: list[Row] = []
    more = 0
    with os.scandir(path) as entries:
        for entry in entries:
            row = _row(entry, suffix)
            if row is not None and len(rows) < LIMIT:
                rows.append(row)
            elif row is not None:
                more += 1
    rows.sort(key=lambda row: (not row.folder, row.name.lower()))
    parent = path.parent if any(path.parent.is_relative_to(root) for root in allowed) else None
    return Listing(path=path, parent=parent, rows=tuple(rows), more=more, model=(path / file_names.CONFIG).is_file())


def _confined(folder: str | Path, allowed: tuple[Path, ...]) -> Path:
    try:
        path = as_on_disk(Path(folder).resolve(strict=True))
    except (OSError, ValueError, RuntimeError):
        path = Path("/")
    if path.is_dir() and any(path.is_relative_to(root) for root in allowed):
        return path
    raise InvalidRequest(
        _("{folder} is not a folder that can be listed here.", folder=str(folder)[:200]),
        hint=_("Choose one below your home folder or the folder that mlx-convert was started in, or type its path."),
        code="outside",
    )


def _row(entry: os.DirEntry[str], suffix: str) -> Row | None:
    if entry.name.startswith("."):
        return None
    try:
        if entry.is_dir():
            model = os.path.isfile(os.path.join(entry.path, file_names.CONFIG))
            return Row(name=entry.name, path=Path(entry.path), folder=True, model=model)
        if suffix and entry.name.endswith(suffix):
            return Row(name=entry.name, path=Path(entry.path), folder=False, model=suffix == file_names.GGUF)
    except OSError:
        return None
    return None


async def pick_folder(studio: Studio, title: str, start: str, *, models: bool = False) -> str | None:
    """Let a person choose a folder (or, with ``models``, a .gguf file); None when they think better of it."""
    return await _pick(studio, start, title=title, suffix=file_names.GGUF if models else "", folders=True)


async def pick_file(studio: Studio, title: str, suffix: str, start: str = "") -> str | None:
    """Let a person choose a file that ends in ``suffix``; None when they think better of it."""
    return await _pick(studio, start, title=title, suffix=suffix, folders=False)


async def _pick(studio: Studio, start: str, *, title: str, suffix: str, folders: bool) -> str | None:
    allowed = await run.io_bound(roots, studio)
    dialog = _Picker(title, allowed or (), suffix=suffix, folders=folders)
    await dialog.open_at(start)
    chosen = await answer_of(dialog.dialog)
    return chosen if isinstance(chosen, str) else None


def _upwards(start: str) -> tuple[Path, ...]:
    """``start`` and the folders above it; () when it is no path."""
    try:
        path = expanded(start)
    except InvalidRequest:
        return ()
    return (path, *path.parents) if start else ()


class _Picker:
    def __init__(self, title: str, allowed: tuple[Path, ...], *, suffix: str, folders: bool) -> None:
        self._allowed = allowed
        self._suffix = suffix
        self._folders = folders
        self._path: Path | None = None
        self.dialog = ui.dialog().props("aria-labelledby=picker-title transition-duration=120")
        with self.dialog, block("dialog picker"):
            Tag("h2", title, "dialog-title").props("id=picker-title")
            self._where = Tag("p", "", "path")
            self._list = block("picker-list", label=_("Folders")).props("tabindex=0 role=group")
            with block("dialog-actions"):
                Button(_("Cancel"), lambda: self.dialog.submit(None)).mark("cancel")
                if folders:
                    Button(_("Choose this folder"), self._submit, kind="primary").mark("choose")

    async def open_at(self, start: str) -> None:
        """Show ``start``, or the nearest place above it that may be shown."""
        for candidate in [*_upwards(start), *self._allowed]:
            found = await self._read(candidate)
            if found is not None:
                self._show(found)
                return

    async def _read(self, path: Path) -> Listing | None:
        try:
            return await run.io_bound(listing, path, self._allowed, suffix=self._suffix)
        except (InvalidRequest, OSError):
            return None

    async def _go(self, path: Path) -> None:
        found = await self._read(path)
        if found is not None:
            self._show(found)
            return
        with self._list:
            note("error", _("{name} can't be opened.", name=path.name), _("Choose another folder."))

    def _show(self, found: Listing) -> None:
        self._path = found.path
        self._where.show(str(found.path))
        self._list.clear()
        with self._list:
            if found.parent is not None:
                self._button("..", "arrow-left", found.parent, folder=True)
            else:
                for root in self._allowed:
                    if root != found.path:
                        self._button(str(root), "hard-drive", root, folder=True)
            for row in found.rows:
                self._button(row.name, "folder" if row.folder else "file-text", row.path, row.folder, row.model)
            if not found.rows:
                Tag("p", _("Nothing to choose here."), "empty-text")
            if found.more:
                Tag("p", _("and {number} more: type the path instead.", number=found.more), "empty-text")

    def _button(self, text: str, icon: str, path: Path, folder: bool, model: bool = False) -> None:
        def go() -> object:
            return self._go(path) if folder else self.dialog.submit(str(path))

        with Tag("button", "", "picker-row", icon=icon).props("type=button").on("click", go, []).mark("row"):
            Tag("span", text, "picker-name")
            if model and self._folders and self._suffix:
                Badge(_("Model"), "busy")

    def _submit(self) -> None:
        self.dialog.submit(str(self._path) if self._path else None)
