"""The Library page: every converted model, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from nicegui import run, ui

from mlx_convert_core import BenchRequest, MeasureRequest, MlxConvertError
from mlx_convert_ui.pages.library.adding import SHOWN, add_folder
from mlx_convert_ui.pages.library.menu import RowActions, RowMenu
from mlx_convert_ui.pages.library.model_list import ListActions, ModelList
from mlx_convert_ui.pages.library.removing import delete, forget
from mlx_convert_ui.pages.library.selection import SelectionActions, SelectionBar
from mlx_convert_ui.pages.library.toolbar import Toolbar
from mlx_convert_ui.state.library_rows import LibraryRow, LibraryRows, read
from mlx_convert_ui.state.library_view import Asked, Shown, shown
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, address_of, block, empty, note
from mlx_convert_ui.widgets.desktop import reveal
from mlx_convert_ui.widgets.dialogs import lasting, show_error
from mlx_convert_ui.widgets.frame import READ_SECONDS, frame
from mlx_convert_ui.widgets.measuring import measuring_list
from mlx_convert_ui.widgets.recipes import recipe_text
from mlx_convert_ui.widgets.upload_dialog import upload_dialog
from mlx_convert_ui.widgets.upload_many import upload_many
from mlx_convert_ui.widgets.upload_progress import upload_list
from mlx_convert_ui.words import _, plural

LOOK_SECONDS = 1.0
PATH = "/library"


def register(studio: Studio) -> None:
    """Serve it at /library; what is asked for stands in its address, so that Back leads to it again."""

    @ui.page(PATH, response_timeout=READ_SECONDS)
    async def page(request: Request) -> None:
        asked = Asked.of(request.query_params)
        rows, found = await run.io_bound(_read, studio, asked) or (LibraryRows(), Shown())
        subtitle = _("Your converted models: try, compare and share them.")
        with frame(studio, PATH, _("Library"), subtitle) as actions:
            LibraryPage(studio, asked, actions).draw(rows, found)


class LibraryPage:
    """One tab's view of the library."""

    def __init__(self, studio: Studio, asked: Asked, actions: ui.element) -> None:
        self._studio = studio
        self._rows = LibraryRows()
        self._asked = asked
        self._turn = 0
        self._add = lasting(self._add_folder)
        self._finished = studio.views.finished
        with actions:
            tip = _("Add models that another app made")
            Button(_("Add folder"), self._add, icon="folder-plus", tip=tip).mark("add-folder")
        upload_list(lambda: studio.views.of("upload"), studio.upload)
        measuring_list(
            lambda: (*studio.views.of("measure"), *studio.views.of("bench")),
            lambda view, request: studio.measure(Path(view.place), request),
        )
        self._notes = block("notes")
        self._news = block("notes")
        self._empty = block("")
        with block("") as self._many:
            self._build()
        ui.timer(LOOK_SECONDS, self._look)

    def _build(self) -> None:
        acts = self._actions()
        self._toolbar = Toolbar(self._asked, self._ask)
        with block("card card-flush", "section", label=_("Models")):
            self._list = ModelList(ListActions(sort=self._sort, selected=self._draw_selection, act=self._act))
            self._nothing = block("")
        self._selection = SelectionBar(
            lambda: self._list.chosen,
            lambda: self._list.select(()),
            SelectionActions(
                compare=self._compare,
                measure=lasting(self._measure_all),
                upload=lasting(self._upload_all),
                forget=lasting(lambda rows: self._gone(forget, rows)),
                delete=lasting(lambda rows: self._gone(delete, rows)),
            ),
        )
        self._menu = RowMenu(acts)
        self._acts = {"test": acts.test, "upload": acts.upload, "forget": acts.forget, "more": self._more}

    def draw(self, rows: LibraryRows, found: Shown) -> None:
        """Show the library as it was read, and of it what was ``found``."""
        self._rows = rows
        self._news.clear()
        self._empty.clear()
        if rows.problem is not None:
            problem = rows.problem
            with self._news:
                note("error", problem.message, problem.hint, lambda: Button(_("Try again"), self._reread))
        if rows.mended:
            with self._news:
                note("warning", rows.mended)
        self._many.set_visibility(bool(rows.rows))
        if rows.rows:
            self._toolbar.offer(rows.rows)
            self._draw_found(found)
        elif rows.problem is None:
            with self._empty:
                _nothing_yet(self._add)

    def _draw_found(self, found: Shown) -> None:
        asked = self._asked
        self._list.show(found, asked)
        self._list.set_visibility(bool(found.rows))
        self._toolbar.count(found.rows, len(self._rows.rows))
        self._nothing.clear()
        if not found.rows:
            with self._nothing:
                text = _("No model matches these filters. Clear a filter to see more.")
                if asked.words.strip():
                    text = _("No model here has “{words}” in its name or source.", words=asked.words)
                empty("search", _("Nothing found"), text)
        self._draw_selection()

    def _draw_selection(self) -> None:
        self._selection.draw()

    async def _ask(self, asked: Asked) -> None:
        """Show other models, or the same in another order, and keep that in the address."""
        self._asked = asked
        self._toolbar.show(asked)
        query = urlencode(asked.params)
        ui.navigate.history.replace(address_of(PATH) + (f"?{query}" if query else ""))
        self._turn += 1
        turn = self._turn
        found = await run.io_bound(shown, self._rows.rows, asked)
        if found is not None and turn == self._turn:  # of several questions in a row only the last one is answered
            self._draw_found(found)

    async def _sort(self, order: Any) -> None:
        await self._ask(self._asked.sorted_by(order))

    def _act(self, what: str, row: LibraryRow) -> object:
        act = self._acts.get(what)
        return act(row) if act is not None else None

    def _more(self, row: LibraryRow) -> None:
        self._menu.open(row, self._list.button_of(row, "more"))

    def _actions(self) -> RowActions:
        tasks = next(iter(self._studio.workspace.tasks()), "")
        return RowActions(
            test=lambda row: _go("/test", row),
            chat=lambda row: _go("/chat", row),
            compare=lambda row: _go("/compare", row),
            measure=lasting(lambda row: self._measure(row, MeasureRequest())),
            tasks=lasting(lambda row: self._measure(row, MeasureRequest(tasks=tasks))) if tasks else None,
            bench=lasting(lambda row: self._measure(row, BenchRequest())),
            upload=lasting(lambda row: upload_dialog(self._studio, row.entry.path)),
            show=lasting(lambda row: reveal(row.entry.path)),
            export=lasting(self._export),
            same_source=lambda row: self._ask(replace(self._asked, source=row.entry.source)),
            forget=lasting(lambda row: self._gone(forget, (row,))),
            delete=lasting(lambda row: self._gone(delete, (row,))),
        )

    async def _look(self) -> None:
        """Read again when there is a new model, or new figures, since."""
        if self._finished != self._studio.views.finished:
            await self._reread()

    async def _reread(self) -> None:
        self._finished = self._studio.views.finished
        self._turn += 1
        turn, asked = self._turn, self._asked
        read = await run.io_bound(_read, self._studio, asked)
        if read is not None and turn == self._turn:
            self.draw(*read)

    async def _add_folder(self) -> None:
        found = await add_folder(self._studio)
        if found:
            await self._reread()
            ui.notify(plural("{count:,} model found", "{count:,} models found", len(found.models)))
            self._notes.clear()
            with self._notes:
                for why in found.left_out[:SHOWN]:
                    note("warning", why)

    async def _measure(self, row: LibraryRow, request: MeasureRequest | BenchRequest) -> None:
        try:
            await run.io_bound(self._studio.measure, row.entry.path, request)
        except MlxConvertError as error:
            show_error(self._notes, error)

    async def _compare(self, rows: Sequence[LibraryRow]) -> None:
        _go("/compare", *_there(rows))

    async def _measure_all(self, rows: Sequence[LibraryRow]) -> None:
        for row in _there(rows):
            await self._measure(row, MeasureRequest())

    async def _upload_all(self, rows: Sequence[LibraryRow]) -> None:
        paths = [row.entry.path for row in _there(rows)]
        if len(paths) == 1:
            await upload_dialog(self._studio, paths[0])
        else:
            await upload_many(self._studio, paths)

    async def _export(self, row: LibraryRow) -> None:
        try:
            text = await run.io_bound(recipe_text, row.entry.path, self._studio.workspace.sources)
        except MlxConvertError as error:
            show_error(self._notes, error)
            return
        ui.download.content((text or "").encode(), f"{row.entry.name}.recipe.json", "application/json")

    async def _gone(self, remove: Any, rows: Sequence[LibraryRow]) -> None:
        await remove(self._studio, rows, self._notes)
        await self._reread()


def _read(studio: Studio, asked: Asked) -> tuple[LibraryRows, Shown]:
    """The library, and what of it is asked for; on a thread, and before the page is drawn: it would not wait."""
    rows = read(studio)
    return rows, shown(rows.rows, asked)


def _there(rows: Sequence[LibraryRow]) -> tuple[LibraryRow, ...]:
    return tuple(row for row in rows if not row.missing)


def _go(path: str, *rows: LibraryRow) -> None:
    ui.navigate.to(f"{path}?{urlencode([('model', str(row.entry.path)) for row in rows])}")


def _nothing_yet(add: object) -> None:
    def actions() -> None:
        with block("row-line"):
            Button(_("Convert a model"), lambda: ui.navigate.to("/"), icon="wand-sparkles", kind="primary")
            Button(_("Add folder"), add, icon="folder-plus")  # type: ignore[arg-type]

    with block("card", "section", label=_("Models")):
        empty(
            "library",
            _("No models yet"),
            _("What you convert appears here. To add models that another app made, choose their folder."),
            actions,
        )
