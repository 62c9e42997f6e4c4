"""Above a conversation: its title, its model, and what can be done with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from nicegui import ui

from mlx_convert_core.plugin import Conversation
from mlx_convert_ui.widgets.components import Button, Tag, block
from mlx_convert_ui.widgets.model_choice import ModelChoice
from mlx_convert_ui.words import _


@dataclass(frozen=True)
class HeaderActions:
    """What the buttons do."""

    toggle_list: Callable[[], Any]
    settings: Callable[[], Any]
    pin: Callable[[], Awaitable[Any]]
    rename: Callable[[], Awaitable[Any]]
    export: Callable[[Literal["markdown", "json"]], Awaitable[Any]]
    delete: Callable[[], Awaitable[Any]]
    upload: Callable[[], Awaitable[Any]]


class Header:
    """A new conversation has neither name nor anything to export yet."""

    def __init__(self, choice: Callable[[], ModelChoice], actions: HeaderActions) -> None:
        with block("chat-head"):
            self._menu = Button("", actions.toggle_list, icon="menu", kind="ghost", label=_("Show the conversations"))
            self._menu.classes("chat-menu").mark("toggle-list")
            self._menu.attribute("aria-expanded", "false").attribute("aria-controls", "conversations")
            self._title = Tag("h2", "", "card-title chat-title")
            with block("row-line push"):
                with block("row-line") as self._own:
                    self._pin = Button("", actions.pin, icon="pin", kind="ghost", label=_("Pin")).mark("pin")
                    Button("", actions.rename, icon="pencil", kind="ghost", label=_("Rename")).mark("rename")
                    self._export(actions)
                    upload = Button("", actions.upload, icon="upload", kind="ghost", label=_("Upload the model"))
                    upload.mark("upload-model")
                    Button("", actions.delete, icon="trash-2", kind="ghost", label=_("Delete")).mark("delete")
                Button("", actions.settings, icon="sliders-horizontal", kind="ghost", label=_("Settings")).mark(
                    "settings"
                )
        with block("chat-model"):
            self._choice = choice()

    @property
    def model(self) -> str:
        """The folder of the model that is chosen."""
        return self._choice.value

    def choose(self, model: str) -> None:
        """Show that the model at ``model`` is chosen now."""
        if model != self.model:
            self._choice.show(model)

    def draw(self, conversation: Conversation | None) -> None:
        """Show the title of ``conversation``, None for a new one."""
        self._title.show(conversation.title or _("Untitled") if conversation else _("New chat"))
        self._own.set_visibility(conversation is not None)
        self._pin.attribute("aria-pressed", "true" if conversation is not None and conversation.pinned else "false")

    def expanded(self, expanded: bool) -> None:
        """Say whether the list is open, on a narrow page."""
        self._menu.attribute("aria-expanded", "true" if expanded else "false")

    def _export(self, actions: HeaderActions) -> None:
        button = Button("", None, icon="download", kind="ghost", label=_("Export")).props("aria-haspopup=menu")
        with button.mark("export"), ui.menu().props('anchor="bottom right" self="top right"') as menu:
            menu.props["aria-label"], menu.props["role"] = (
                _("Export the conversation"),
                "dialog",
            )  # outside the main part
            with block("").props("role=menu"):
                _item(_("Markdown, to read"), "file-text", lambda: actions.export("markdown"), "export-markdown")
                _item(_("JSON, to keep"), "file-json", lambda: actions.export("json"), "export-json")


def _item(text: str, icon: str, act: Callable[[], Any], marker: str) -> None:
    with ui.menu_item(on_click=act).classes("menu-item").props("role=menuitem").mark(marker):
        Tag("span", text, icon=icon)
