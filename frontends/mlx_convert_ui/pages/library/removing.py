"""Models go after one question, which says what goes, how much that is and what stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nicegui import run, ui

from mlx_convert_core import MlxConvertError
from mlx_convert_core.plugin import FolderContents, has_trash, units
from mlx_convert_ui.state.library_rows import LibraryRow
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import note, sentence
from mlx_convert_ui.widgets.dialogs import confirm, waiting
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.words import _, given, joined, plural

SHOWN = 12  # models that are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """A model, and what goes with it: None when its folder has vanished meanwhile."""

    row: LibraryRow
    goes: FolderContents | None = None
    refused: MlxConvertError | None = None

    @property
    def permanently(self) -> bool:
        """Whether it will not be in a Trash."""
        return not has_trash() or (self.goes is not None and self.goes.cached)


async def delete(studio: Studio, rows: Sequence[LibraryRow], notes: ui.element) -> None:
    """Ask once, and have the folders of ``rows`` go; what stands in the way of one is said in ``notes``."""
    async with waiting(_("Looking at what would be deleted …")):
        looked = await run.io_bound(lambda: [_look(studio, row) for row in rows]) or []
    refused = [(one.row, one.refused) for one in looked if one.refused is not None]
    going = [one for one in looked if one.goes is not None]
    if going and await _sure(going, refused):
        refused = await _remove(studio, [one.row for one in going], keep_files=False)
        trashed = not any(one.permanently for one in going)
        _tell([one.row for one in going], refused, _trashed if trashed else _deleted)
    elif going:
        return
    _show(notes, refused)


async def forget(studio: Studio, rows: Sequence[LibraryRow], notes: ui.element) -> None:
    """Have the library forget ``rows``; no file goes. Several are asked about first."""
    if len(rows) > 1:
        names = _named([row.entry.name for row in rows])
        title = plural("Forget {count:,} model?", "Forget {count:,} models?", len(rows))
        text = _("Their folders stay as they are. “Add folder” finds them again.")
        if not await confirm(title, f"{text}\n{names}", action=_("Forget")):
            return
    refused = await _remove(studio, rows, keep_files=True)
    _tell(rows, refused, _forgotten)
    _show(notes, refused)


def _look(studio: Studio, row: LibraryRow) -> Going:
    try:
        return Going(row=row, goes=studio.workspace.what_removal_takes(row.entry))
    except MlxConvertError as error:
        return Going(row=row, refused=error)


async def _sure(going: Sequence[Going], refused: Sequence[tuple[LibraryRow, MlxConvertError]]) -> bool:
    permanently = [one for one in going if one.permanently]
    freed = sum(one.goes.size for one in permanently if one.goes is not None)
    frees = _("This frees {size}.", size=units.size(freed)) + " " if permanently else ""
    action = _("Delete") if permanently else _("Move to Trash")
    if len(going) == 1 and not refused:
        one = going[0]
        assert one.goes is not None
        where = _("The folder and everything in it stays in the Trash until you empty it:")
        if permanently:
            where = _("The folder and everything in it is deleted for good:")
        title = _("Delete {name}?", name=one.row.entry.name)
        place, about = one.row.entry.path, one.goes.words
        return await confirm(title, f"{frees}{where}", action=action, place=place, about=about)
    if len(permanently) == len(going):
        where = _("The folders and everything in them are deleted for good:")
    elif permanently:
        where = plural(
            "{count:,} from a Hugging Face cache is deleted for good, the others go to the Trash:",
            "{count:,} from a Hugging Face cache are deleted for good, the others go to the Trash:",
            len(permanently),
        )
    else:
        where = _("The folders and everything in them stay in the Trash until you empty it:")
    lines = [
        joined(one.row.entry.name, units.size(one.goes.size), str(one.row.entry.path)) for one in going if one.goes
    ]
    stay = [sentence(given(error.message)) for _row, error in refused]
    stays = plural("{count:,} model stays:", "{count:,} models stay:", len(refused))
    left = f"\n{stays}\n{_named(stay)}" if refused else ""
    title = plural("Delete {count:,} model?", "Delete {count:,} models?", len(going))
    return await confirm(title, f"{frees}{where}\n{_named(lines)}{left}", action=action)


async def _remove(
    studio: Studio, rows: Sequence[LibraryRow], *, keep_files: bool
) -> list[tuple[LibraryRow, MlxConvertError]]:
    """Remove one after the other; those that could not be, and why."""
    refused: list[tuple[LibraryRow, MlxConvertError]] = []

    def remove(row: LibraryRow) -> None:
        try:
            if not keep_files:
                studio.forget_model(row.entry.path)
            studio.workspace.remove(row.entry, keep_files=keep_files)
        except MlxConvertError as error:
            refused.append((row, error))

    removing = plural("Removing {count:,} model …", "Removing {count:,} models …", len(rows))
    if len(rows) == 1:
        removing = _("Removing {name} …", name=rows[0].entry.name)
    async with waiting(removing):
        await run.io_bound(lambda: [remove(row) for row in rows])
    return refused


def _tell(rows: Sequence[LibraryRow], refused: Sequence[object], words: Callable[[str, int], str]) -> None:
    """Say what has become of those that are gone: of one by its name, else how many they are."""
    gone = len(rows) - len(refused)
    if gone:
        ui.notify(words(rows[0].entry.name if len(rows) == 1 else "", gone))


def _trashed(name: str, count: int) -> str:
    if name:
        return _("{name} is in the Trash", name=name)
    return plural("{count:,} model is in the Trash", "{count:,} models are in the Trash", count)


def _deleted(name: str, count: int) -> str:
    if name:
        return _("{name} is deleted", name=name)
    return plural("{count:,} model is deleted", "{count:,} models are deleted", count)


def _forgotten(name: str, count: int) -> str:
    if name:
        return _("{name} is forgotten", name=name)
    return plural("{count:,} model is forgotten", "{count:,} models are forgotten", count)


def _show(notes: ui.element, refused: Sequence[tuple[LibraryRow, MlxConvertError]]) -> None:
    notes.clear()
    with notes:
        for _row, error in refused[:SHOWN]:
            tell(error)
        if len(refused) > SHOWN:
            more = len(refused) - SHOWN
            note("warning", plural("And {count:,} more model stays", "And {count:,} more models stay", more))


def _named(lines: Sequence[str]) -> str:
    more = len(lines) - SHOWN
    rest = (plural("and {count:,} more", "and {count:,} more", more),) if more > 0 else ()
    return "\n".join((*lines[:SHOWN], *rest))
