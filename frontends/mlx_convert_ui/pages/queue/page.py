"""The Queue page: conversions one after the other, also those that another program added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nicegui import run, ui

from mlx_convert_core import ConvertRequest, JobState, MlxConvertError
from mlx_convert_core.plugin import QueueItem, SkippedOutput, what_goes
from mlx_convert_ui.pages.queue.adding import AddingCard
from mlx_convert_ui.pages.queue.row import QueueRow, RowActions
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, block, empty, note
from mlx_convert_ui.widgets.dialogs import confirm, lasting, show_error, waiting
from mlx_convert_ui.widgets.frame import READ_SECONDS, frame
from mlx_convert_ui.widgets.replacing import gone_for_good
from mlx_convert_ui.widgets.upload_dialog import upload_dialog
from mlx_convert_ui.words import _, plural

REFRESH_SECONDS = 0.2
AT_ONCE = 60


def register(studio: Studio) -> None:
    """Serve it at /queue."""

    @ui.page("/queue", response_timeout=READ_SECONDS)
    async def page() -> None:
        await run.io_bound(studio.queue.look)
        subtitle = _("One conversion after another, also overnight. Closing the app only pauses the queue.")
        with frame(studio, "/queue", _("Queue"), subtitle) as actions:
            QueuePage(studio, actions)


class QueuePage:
    """One tab's view of the queue."""

    def __init__(self, studio: Studio, actions: ui.element) -> None:
        self._studio = studio
        self._rows: dict[str, QueueRow] = {}
        self._version = -1
        self._shown = AT_ONCE
        self._actions = RowActions(
            up=lambda item: self._move(item, -1),
            down=lambda item: self._move(item, 1),
            cancel=lambda item: self._do(studio.workspace.queue.cancel, item.id),
            retry=lambda item: self._do(studio.workspace.queue.retry, item.id),
            replace=lasting(self._replace),
            agree=lambda item, request: self._do(self._put_again, item, request),
            remove=lambda item: self._do(studio.workspace.queue.remove, item.id),
            upload=lasting(lambda path: upload_dialog(studio, path)),
            replace_one=lasting(self._replace_one),
            add=lambda item, request: self._do(studio.workspace.queue.add, request, item.then),
        )
        with actions:
            self._clear = Button(_("Clear finished"), self._clear_finished, icon="check").mark("clear")
        with block("columns"):
            with block("column"):
                self._notes = block("notes")
                self._told = block("notes")
                self._place = block("card card-flush", "section", label=_("Queue"))
                with self._place:
                    self._empty = block("")
                    self._list = block("queue", "ol")
                    self._foot = block("list-foot")
            with block("column"):
                AddingCard(studio, self._added)
        with self._empty:
            empty("list-checks", _("Nothing in the queue"), _("Name some models, choose presets and add them."))
        with self._foot:
            Button(_("Show more"), self._show_more).mark("show-more")
        self._refresh()
        ui.timer(REFRESH_SECONDS, self._refresh)

    def _refresh(self) -> None:
        watch = self._studio.queue
        if self._version != watch.version:
            self._version = watch.version
            self._draw(watch.items)
        for row in self._rows.values():
            if row.item is not None:
                row.refresh(watch.view(row.item), watch.after(row.item))

    def _draw(self, items: tuple[QueueItem, ...]) -> None:
        shown = items[: self._shown]
        for gone in self._rows.keys() - {item.id for item in shown}:
            self._rows.pop(gone).element.delete()
        waiting = [item.id for item in items if item.state is JobState.QUEUED]
        for index, item in enumerate(shown):
            if item.id not in self._rows:
                with self._list:
                    self._rows[item.id] = QueueRow(
                        self._actions, self._studio.workspace.presets, self._studio.queue.name
                    )
            row = self._rows[item.id]
            if self._list.default_slot.children.index(row.element) != index:
                row.element.move(self._list, target_index=index)
            row.show(item, index + 1, first=waiting[:1] == [item.id], last=waiting[-1:] == [item.id])
        self._empty.set_visibility(not items)
        self._foot.set_visibility(len(shown) < len(items))
        self._clear.enable(any(item.state.final for item in items))
        self._tell(items)

    def _tell(self, items: tuple[QueueItem, ...]) -> None:
        self._told.clear()
        with self._told:
            if self._studio.queue.problem:
                note("warning", self._studio.queue.problem)
            if any(item.state is JobState.RUNNING and not item.job for item in items):
                note("info", _("Another program is working through the queue."), _("It takes what you add here, too."))

    async def _do(self, change: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        """Change the queue on a thread, show how it is then, and what went wrong."""
        self._notes.clear()
        try:
            await run.io_bound(change, *arguments, **options)
        except MlxConvertError as error:
            show_error(self._notes, error)
        await run.io_bound(self._studio.queue.look)
        self._refresh()

    async def _move(self, item: QueueItem, by: int) -> None:
        """Past the next one that waits, in that direction; the button keeps the focus."""
        items = self._studio.queue.items
        waiting = [index for index, other in enumerate(items) if other.state is JobState.QUEUED]
        here = next((index for index in waiting if items[index].id == item.id), None)
        if here is None or not 0 <= waiting.index(here) + by < len(waiting):
            return
        await self._do(self._studio.workspace.queue.move, item.id, waiting[waiting.index(here) + by])
        if item.id in self._rows:  # it may be gone by now, or beyond those that are shown
            self._rows[item.id].focus(by)

    async def _replace(self, item: QueueItem) -> None:
        """Show what goes, which only the plan says, and ask."""
        request = replace(item.request, force=True)
        try:
            async with waiting(_("Looking at what is there …")):
                plan = await self._studio.questions.ask(lambda: self._studio.workspace.plan(request, exact=False))
        except MlxConvertError as error:
            show_error(self._notes, error)
            return
        there = [output.replaces for output in plan.outputs if output.replaces is not None] if plan else []
        listing = "\n".join(f"{contents.path}\n{contents.stays or contents.words}" for contents in there)
        sure = await confirm(
            _("Replace what {name} was converted to?", name=self._studio.queue.name(item)),
            f"{gone_for_good(1)}\n{listing}",
            action=_("Replace"),
        )
        if sure:
            await self._do(self._put_again, item, request)

    async def _replace_one(self, item: QueueItem, output: SkippedOutput) -> None:
        """Make an output that was left as it was, once a person has seen what goes."""
        there = await run.io_bound(what_goes, output.path)
        listing = f"{output.path}\n{there.stays or there.words}" if there is not None else ""
        title, text = _("Replace {name}?", name=output.path.name), f"{gone_for_good(1)}\n{listing}"
        if await confirm(title, text, action=_("Replace")):
            again = replace(item.request, preset=(output.preset,), output=(str(output.path),), force=True)
            await self._do(self._studio.workspace.queue.add, again, item.then)

    def _put_again(self, item: QueueItem, request: ConvertRequest) -> None:
        """Have the item wait again at its place, with the ``request`` that a person has agreed to."""
        queue = self._studio.workspace.queue
        place = [other.id for other in queue.items()].index(item.id)
        again = queue.add(request, item.then)
        queue.remove(item.id)
        queue.move(again.id, place)

    async def _clear_finished(self) -> None:
        await self._do(self._studio.workspace.queue.clear)

    async def _added(self, number: int) -> None:
        ui.notify(plural("{count:,} conversion added", "{count:,} conversions added", number))
        await run.io_bound(self._studio.queue.look)
        self._refresh()

    def _show_more(self) -> None:
        self._shown += AT_ONCE
        self._draw(self._studio.queue.items)
