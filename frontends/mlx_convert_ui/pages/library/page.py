"""The Library page: every converted model, and what can be done with it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from nicegui import run, ui

from mlx_convert_core import BenchRequest, MeasureRequest, MlxConvertError
from mlx_convert_core.plugin import has_trash, units
from mlx_convert_ui.pages.library.adding import SHOWN, add_folder
from mlx_convert_ui.pages.library.table import AT_ONCE, RowActions, table
from mlx_convert_ui.state.library_rows import LibraryRow, LibraryRows, counted, read
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import CROSS, Button, Tag, block, empty, note
from mlx_convert_ui.widgets.desktop import reveal
from mlx_convert_ui.widgets.dialogs import confirm, lasting, show_error, waiting
from mlx_convert_ui.widgets.frame import READ_SECONDS, frame
from mlx_convert_ui.widgets.measuring import measuring_list
from mlx_convert_ui.widgets.recipes import recipe_text
from mlx_convert_ui.widgets.upload_dialog import upload_dialog
from mlx_convert_ui.widgets.upload_progress import upload_list

LOOK_SECONDS = 1.0
MANY = 6  # from here on a search field is of use


def register(studio: Studio) -> None:
    """Serve it at /library."""

    @ui.page("/library", response_timeout=READ_SECONDS)
    async def page() -> None:
        rows = await run.io_bound(read, studio) or LibraryRows()
        with frame(studio, "/library", "Library", "Your converted models: try, compare and share them.") as actions:
            LibraryPage(studio, rows, actions)


class LibraryPage:
    """One tab's view of the library."""

    def __init__(self, studio: Studio, rows: LibraryRows, actions: ui.element) -> None:
        self._studio = studio
        self._rows = rows
        self._words = ""
        self._add = lasting(self._add_folder)
        self._first = 0  # the place of the first row that is shown
        self._finished = studio.views.finished
        with actions:
            Button("Add folder", self._add, icon="folder-plus", tip="Add models that another tool made").mark(
                "add-folder"
            )
        upload_list(lambda: studio.views.of("upload"), studio.upload)
        measuring_list(
            lambda: (*studio.views.of("measure"), *studio.views.of("bench")),
            lambda view, request: studio.measure(Path(view.place), request),
        )
        self._notes = block("notes")
        self._body = block("")
        self._draw()
        ui.timer(LOOK_SECONDS, self._look)

    def _draw(self) -> None:
        rows = self._rows
        self._body.clear()
        with self._body:
            if rows.problem is not None:
                problem = rows.problem
                note("error", problem.message, problem.hint, lambda: Button("Try again", self._reread))
                return
            if rows.mended:
                note("warning", rows.mended)
            if not rows.rows:
                _nothing_yet(self._add)
                return
            self._toolbar()
            self._table = block("card card-flush", "section").props('aria-label="Models"')
            self._draw_table()

    def _toolbar(self) -> None:
        with block("toolbar"):
            if len(self._rows.rows) >= MANY:
                with block("search grow"):
                    Tag("span", "", "search-icon", icon="search").props("aria-hidden=true")
                    box = ui.input(value=self._words, placeholder="Search", on_change=self._search).mark("search")
                    box.props(f"outlined dense hide-bottom-space clearable clear-icon='{CROSS}' aria-label=Search")
            Tag("span", self._rows.summary, "muted").mark("summary")

    def _draw_table(self) -> None:
        found = tuple(row for row in self._rows.rows if row.entry.has(self._words))
        self._first = min(self._first, max(0, len(found) - 1) // AT_ONCE * AT_ONCE)
        shown = found[self._first : self._first + AT_ONCE]
        self._table.clear()
        with self._table:
            if not found:
                empty("search", "Nothing found", f"No model here has “{self._words}” in its name or source.")
                return
            table(shown, self._actions())
            if len(shown) < len(found):
                self._pager(len(shown), len(found))

    def _pager(self, shown: int, found: int) -> None:
        with block("list-foot"):
            Button("Newer", lambda: self._turn(-AT_ONCE)).mark("newer").enable(self._first > 0)
            Tag("span", f"{self._first + 1:,}–{self._first + shown:,} of {found:,}", "muted").mark("shown")
            Button("Older", lambda: self._turn(AT_ONCE)).mark("older").enable(self._first + shown < found)

    def _actions(self) -> RowActions:
        tasks = next(iter(self._studio.workspace.tasks()), "")
        return RowActions(
            test=lambda row: _go("/test", row),
            chat=lambda row: _go("/chat", row),
            compare=lambda row: _go("/compare", row),
            measure=lasting(lambda row: self._measure(row, MeasureRequest())),
            tasks=lasting(lambda row: self._measure(row, MeasureRequest(tasks=tasks))) if tasks else None,
            bench=lasting(lambda row: self._measure(row, BenchRequest())),
            upload=lasting(self._upload),
            show=lasting(lambda row: reveal(row.entry.path)),
            export=lasting(self._export),
            forget=lasting(lambda row: self._remove(row, keep_files=True)),
            delete=lasting(self._delete),
        )

    def _search(self, event: object) -> None:
        self._words, self._first = event.value or "", 0  # type: ignore[attr-defined]
        self._draw_table()

    def _turn(self, by: int) -> None:
        self._first += by
        self._draw_table()

    async def _look(self) -> None:
        """Read again when there is a new model, or new figures, since."""
        if self._finished != self._studio.views.finished:
            await self._reread()

    async def _reread(self) -> None:
        self._finished = self._studio.views.finished
        self._rows = await run.io_bound(read, self._studio) or self._rows
        self._draw()

    async def _add_folder(self) -> None:
        found = await add_folder(self._studio)
        if found:
            await self._reread()
            ui.notify(f"{counted(len(found.models), 'model')} found")
            self._notes.clear()
            with self._notes:
                for why in found.left_out[:SHOWN]:
                    note("warning", why)

    async def _measure(self, row: LibraryRow, request: MeasureRequest | BenchRequest) -> None:
        try:
            await run.io_bound(self._studio.measure, row.entry.path, request)
        except MlxConvertError as error:
            show_error(self._notes, error)

    async def _upload(self, row: LibraryRow) -> None:
        await upload_dialog(self._studio, row.entry.path)

    async def _export(self, row: LibraryRow) -> None:
        try:
            text = await run.io_bound(recipe_text, row.entry.path, self._studio.workspace.sources)
        except MlxConvertError as error:
            show_error(self._notes, error)
            return
        ui.download.content((text or "").encode(), f"{row.entry.name}.recipe.json", "application/json")

    async def _delete(self, row: LibraryRow) -> None:
        """Show what goes and where to, ask, and have it go."""
        entry = row.entry
        try:
            goes = await run.io_bound(self._studio.workspace.what_removal_takes, entry)
        except MlxConvertError as error:
            show_error(self._notes, error)
            await self._reread()
            return
        if goes is None:
            await self._reread()
            return
        permanently = goes.cached or not has_trash()
        where = "gone for good" if permanently else "in the Trash until you empty that"
        freed = units.size(goes.size)
        sure = await confirm(
            f"Delete {entry.name}?",
            f"{f'This frees {freed}. ' if permanently else ''}The folder and everything in it is {where}:\n"
            f"{entry.path}\n{goes.words}",
            action="Delete" if permanently else "Move to Trash",
        )
        if sure:
            await self._remove(row, keep_files=False, trashed=not permanently)

    async def _remove(self, row: LibraryRow, *, keep_files: bool, trashed: bool = False) -> None:
        try:
            async with waiting(f"Removing {row.entry.name} …"):
                if not keep_files:
                    await run.io_bound(self._studio.forget_model, row.entry.path)
                await run.io_bound(self._studio.workspace.remove, row.entry, keep_files=keep_files)
        except MlxConvertError as error:
            show_error(self._notes, error)
        else:
            what = "forgotten" if keep_files else "in the Trash" if trashed else "deleted"
            ui.notify(f"{row.entry.name} is {what}")
        await self._reread()


def _go(path: str, row: LibraryRow) -> None:
    ui.navigate.to(f"{path}?model={quote(str(row.entry.path))}")


def _nothing_yet(add: object) -> None:
    def actions() -> None:
        with block("row-line"):
            Button("Convert a model", lambda: ui.navigate.to("/"), icon="wand-sparkles", kind="primary")
            Button("Add folder", add, icon="folder-plus")  # type: ignore[arg-type]

    with block("card", "section").props('aria-label="Models"'):
        empty(
            "library",
            "No models yet",
            "What you convert appears here. Models that another tool made can be added from their folder.",
            actions,
        )
