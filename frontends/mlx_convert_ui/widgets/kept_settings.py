"""Settings for answers that a person has kept under a name: to take, to add to, to let go."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import run, ui

from mlx_convert_core import MlxConvertError
from mlx_convert_core.plugin import ChatSettings
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, block
from mlx_convert_ui.widgets.dialogs import ask_line, confirm, lasting, show_error
from mlx_convert_ui.widgets.native_select import NativeSelect
from mlx_convert_ui.words import _

LOOK_SECONDS = 0.5  # another tab may keep or forget some


class KeptSettings:
    """A list of names, with a button that keeps what is set ``now``, and one that forgets the chosen name.

    ``take`` sets what is kept under the name that is chosen.
    """

    def __init__(self, studio: Studio, now: Callable[[], ChatSettings], take: Callable[[ChatSettings], None]) -> None:
        self._presets = studio.kept_answers
        self._version = -1  # of what is offered
        self._known: dict[str, ChatSettings] = {}
        self._now = now
        self._take = take
        with block("kept-settings", label=_("Kept settings")).props("role=group"):
            self._select = NativeSelect(self._options(), "", self._choose, label=_("Use kept settings")).mark("kept")
            keep = Button("", lasting(self._keep), icon="plus", kind="ghost", label=_("Keep these settings"))
            keep.mark("keep-settings")
            self._drop = Button(
                "", lasting(self._forget), icon="trash-2", kind="ghost", label=_("Forget these settings")
            )
            self._drop.mark("forget-settings")
        self._problem = block("notes")
        ui.timer(LOOK_SECONDS, self._look)

    async def _look(self) -> None:
        if self._version != self._presets.version:
            await self._read()

    async def _read(self, chosen: str = "") -> None:
        self._version = self._presets.version
        self._known = await run.io_bound(self._presets.all) or {}
        self._show(chosen or self._select.value)

    def _show(self, chosen: str) -> None:
        self._select.offer(self._options(), chosen if chosen in self._known else "")
        self._drop.enable(bool(self._select.value))

    def _options(self) -> dict[str, str]:
        return {"": _("Kept settings"), **{name: name for name in self._known}}

    def _choose(self, name: str) -> None:
        self._show(name)
        if name in self._known:
            self._take(self._known[name])

    async def _keep(self) -> None:
        name = await ask_line(_("Keep these settings"), _("Name"), self._select.value, action=_("Keep"))
        if not name or not await self._may_replace(name):
            return
        self._problem.clear()
        try:
            kept = await run.io_bound(self._presets.keep, name, self._now())
        except MlxConvertError as error:
            show_error(self._problem, error)
            return
        await self._read(str(kept or ""))

    async def _may_replace(self, name: str) -> bool:
        """Ask about settings of this name that are not the chosen ones."""
        if name not in self._known or name == self._select.value:
            return True
        question = _("“{name}” is kept already, with other settings.", name=name)
        return await confirm(_("Replace these settings?"), question, action=_("Replace"))

    async def _forget(self) -> None:
        name = self._select.value
        question = _("“{name}” is not kept any more. What is set here stays as it is.", name=name)
        if await confirm(_("Forget these settings?"), question, action=_("Forget")):
            await run.io_bound(self._presets.forget, name)
            await self._read()
