"""What killed programs left behind, with its size, and a button that removes it."""

from __future__ import annotations

from nicegui import background_tasks, run

from mlx_convert_core.plugin import Leftover, clear_leftover, units
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, block, card, note
from mlx_convert_ui.widgets.dialogs import confirm, waiting
from mlx_convert_ui.words import N_, _

_WHAT = {
    "unfinished": N_("{name} was not finished."),
    "deleted": N_("{name} was only partly deleted."),
    "written": N_("{name} was being written."),
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
        with self._place, card(_("Left behind"), _("By apps that quit unexpectedly. It takes {size}.", size=size)):
            for left in found:
                with block("item-words"):
                    what = _(_WHAT[left.kind], name=left.path.name)
                    Tag("span", f"{what} {_('Trying again continues where it stopped.')}" if left.resumable else what)
                    Tag("span", f"{units.size(left.nbytes)} · {left.place}", "muted path")
            with block("actions"):
                Button(_("Remove all"), lambda: self._clear(found), icon="trash-2", kind="danger").mark(
                    "clear-leftovers"
                )
            if problem:
                note("error", problem)

    async def _clear(self, found: tuple[Leftover, ...]) -> None:
        size = units.size(sum(left.nbytes for left in found))
        if not await confirm(
            _("Remove what was left behind?"),
            _("This frees {size} and can't be undone.", size=size),
            action=_("Remove"),
        ):
            return
        async with waiting(_("Removing …")):
            problem = await run.io_bound(_cleared, found)
        path, reason = problem or ("", "")
        await self._look(_("{path} can't be removed: {reason}.", path=path, reason=reason) if reason else "")


def _cleared(found: tuple[Leftover, ...]) -> tuple[str, str]:
    """Remove all; which one could not be, and why, "" when all are gone."""
    problem = ("", "")
    for left in found:
        try:
            clear_leftover(left)
        except OSError as error:
            problem = (str(left.place), error.strerror or str(error))
    return problem
