"""Models go after one question, which says what goes, how much that is and what stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import run, ui

from mlx_convert_core import MlxConvertError
from mlx_convert_core.plugin import FolderContents, has_trash, units
from mlx_convert_ui.state.library_rows import LibraryRow, counted
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import note, sentence
from mlx_convert_ui.widgets.dialogs import confirm, waiting
from mlx_convert_ui.widgets.remedies import tell

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
    async with waiting("Looking at what would go …"):
        looked = await run.io_bound(lambda: [_look(studio, row) for row in rows]) or []
    refused = [(one.row, one.refused) for one in looked if one.refused is not None]
    going = [one for one in looked if one.goes is not None]
    if going and await _sure(going, refused):
        refused = await _remove(studio, [one.row for one in going], keep_files=False)
        trashed = not any(one.permanently for one in going)
        _tell([one.row for one in going], refused, "in the Trash" if trashed else "deleted")
    elif going:
        return
    _show(notes, refused)


async def forget(studio: Studio, rows: Sequence[LibraryRow], notes: ui.element) -> None:
    """Have the library forget ``rows``; no file goes. Several are asked about first."""
    if len(rows) > 1:
        names = _named([row.entry.name for row in rows])
        text = f"Their folders stay as they are. “Add folder” finds them again.\n{names}"
        if not await confirm(f"Forget {len(rows):,} models?", text, action="Forget"):
            return
    refused = await _remove(studio, rows, keep_files=True)
    _tell(rows, refused, "forgotten")
    _show(notes, refused)


def _look(studio: Studio, row: LibraryRow) -> Going:
    try:
        return Going(row=row, goes=studio.workspace.what_removal_takes(row.entry))
    except MlxConvertError as error:
        return Going(row=row, refused=error)


async def _sure(going: Sequence[Going], refused: Sequence[tuple[LibraryRow, MlxConvertError]]) -> bool:
    permanently = [one for one in going if one.permanently]
    freed = sum(one.goes.size for one in permanently if one.goes is not None)
    frees = f"This frees {units.size(freed)}. " if permanently else ""
    action = "Delete" if permanently else "Move to Trash"
    if len(going) == 1 and not refused:
        one = going[0]
        assert one.goes is not None
        where = "gone for good" if permanently else "in the Trash until you empty that"
        text = f"{frees}The folder and everything in it is {where}:\n{one.row.entry.path}\n{one.goes.words}"
        return await confirm(f"Delete {one.row.entry.name}?", text, action=action)
    if len(permanently) == len(going):
        where = "Their folders and everything in them are gone for good:"
    elif permanently:
        where = f"{len(permanently)} of a Hugging Face cache are gone for good, the others in the Trash:"
    else:
        where = "Their folders and everything in them are in the Trash until you empty that:"
    lines = [f"{one.row.entry.name} · {units.size(one.goes.size)} · {one.row.entry.path}" for one in going if one.goes]
    stay = [f"{sentence(error.message)}" for _, error in refused]
    left = f"\n{counted(len(refused), 'model')} will stay:\n{_named(stay)}" if refused else ""
    return await confirm(
        f"Delete {counted(len(going), 'model')}?", f"{frees}{where}\n{_named(lines)}{left}", action=action
    )


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

    what = rows[0].entry.name if len(rows) == 1 else counted(len(rows), "model")
    async with waiting(f"Removing {what} …"):
        await run.io_bound(lambda: [remove(row) for row in rows])
    return refused


def _tell(rows: Sequence[LibraryRow], refused: Sequence[object], what: str) -> None:
    gone = len(rows) - len(refused)
    if gone and len(rows) == 1:
        ui.notify(f"{rows[0].entry.name} is {what}")
    elif gone:
        ui.notify(f"{counted(gone, 'model')} {'is' if gone == 1 else 'are'} {what}")


def _show(notes: ui.element, refused: Sequence[tuple[LibraryRow, MlxConvertError]]) -> None:
    notes.clear()
    with notes:
        for _, error in refused[:SHOWN]:
            tell(error)
        if len(refused) > SHOWN:
            note("warning", f"And {counted(len(refused) - SHOWN, 'model')} more stay")


def _named(lines: Sequence[str]) -> str:
    more = len(lines) - SHOWN
    return "\n".join((*lines[:SHOWN], *((f"and {more:,} more",) if more > 0 else ())))
