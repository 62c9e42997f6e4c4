"""What killed programs left behind, with its size, and a button that removes it."""

from __future__ import annotations

from nicegui import background_tasks, run

from mlx_convert_core.plugin import Leftover, clear_leftover, units
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, block, card, note
from mlx_convert_ui.widgets.dialogs import confirm, waiting

_WHAT = {
    "unfinished": "was not finished.",
    "deleted": "was not deleted whole.",
    "written": "was being written.",
}


def leftovers(studio: Studio) -> None:
    """A card, if there is anything."""
    _Leftovers(studio)


class _Leftovers:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._place = block("unless-empty").mark("leftovers")
        background_tasks.create(self._look(), name="leftovers")

    async def _look(self, problem: str = "") -> None:
        found = await run.io_bound(self._studio.workspace.leftovers)
        if not self._place.is_deleted:
            self._draw(found or (), problem)

    def _draw(self, found: tuple[Leftover, ...], problem: str) -> None:
        self._place.clear()
        if not found:
            return
        size = units.size(sum(left.nbytes for left in found))
        with self._place, card("Left behind", f"By programs that were killed. It takes {size}."):
            for left in found:
                with block("item-words"):
                    what = f"{left.path.name} {_WHAT[left.kind]}"
                    Tag("span", f"{what} Trying again goes on where it was." if left.resumable else what)
                    Tag("span", f"{units.size(left.nbytes)} · {left.place}", "muted path")
            with block("actions"):
                Button("Remove all", lambda: self._clear(found), icon="trash-2", kind="danger").mark("clear-leftovers")
            if problem:
                note("error", problem)

    async def _clear(self, found: tuple[Leftover, ...]) -> None:
        size = units.size(sum(left.nbytes for left in found))
        if not await confirm(
            "Remove what was left behind?", f"It takes {size} and can't be got back.", action="Remove"
        ):
            return
        async with waiting("Removing …"):
            problem = await run.io_bound(_cleared, found)
        await self._look(problem or "")


def _cleared(found: tuple[Leftover, ...]) -> str:
    """Remove all; why one could not be, "" when all are gone."""
    problem = ""
    for left in found:
        try:
            clear_leftover(left)
        except OSError as error:
            problem = f"{left.place} can't be removed: {error.strerror}."
    return problem
