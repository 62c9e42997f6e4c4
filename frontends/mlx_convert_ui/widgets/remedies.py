"""An error or a finding with its next step: in words, and a button for each remedy that a page can offer."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from nicegui import ui

from mlx_convert_core import Finding, MlxConvertError
from mlx_convert_core.plugin import ErrorInfo, OpenPage, Remedy, RunCommand, RunElsewhere, SignIn, UseInstead
from mlx_convert_ui.widgets.components import Button, Tag, address_of, note, sentence
from mlx_convert_ui.widgets.copying import CopyButton
from mlx_convert_ui.words import N_, _, given

Trouble = MlxConvertError | ErrorInfo | Finding
# A button's words and what it does, for a remedy that the page at hand can carry out.
Offer = Callable[[Remedy], tuple[str, Callable[[], object]] | None]

# Where the pages do what the command line has a command for: a link's words, and its page.
PAGES = {
    "conversations list": (N_("Open the chats"), "/chat"),
    "doctor --clear": (N_("Open the settings"), "/settings"),
    "get": (N_("Open Convert"), "/"),  # where its model can be got
    "library list": (N_("Open the library"), "/library"),
    "library remove": (N_("Open the library"), "/library"),
    "library scan": (N_("Open the library"), "/library"),
    "plugins list": (N_("Open the plugins"), "/plugins"),
    "presets": (N_("Choose a preset"), "/"),
    "queue cancel": (N_("Open the queue"), "/queue"),
    "queue list": (N_("Open the queue"), "/queue"),
    "recipe export": (N_("Open the library"), "/library"),
}
NO_PAGE = ("architectures",)  # the model's own page says more to somebody who has never seen a terminal


def tell_in_passing(error: MlxConvertError) -> None:
    """Say an error where there is no place for a note: for some seconds, without buttons."""
    ui.notify(f"{sentence(given(error.message))} {given(error.hint)}")


def tell(
    trouble: Trouble, actions: Callable[[], None] | None = None, *, level: str = "error", offer: Offer | None = None
) -> None:
    """A note about ``trouble`` with its next step, ``actions``, and what ``offer`` and every page make of remedies."""
    buttons = [*filter(None, (_button(remedy, offer) for remedy in dict.fromkeys(trouble.remedies)))]

    def draw() -> None:
        if actions is not None:
            actions()
        for button in buttons:
            button()

    note(level, trouble.message, trouble.hint, draw if buttons or actions is not None else None)


def _button(remedy: Remedy, offer: Offer | None) -> Callable[[], object] | None:
    offered = offer(remedy) if offer is not None else None
    if offered is not None:
        text, act = offered
        return lambda: Button(text, act, classes="btn-small").mark("remedy")
    match remedy:
        case SignIn():
            return lambda: _link(_("Sign in"), address_of("/settings"), "log-in")
        case OpenPage(address=address) if address.startswith("https://"):
            return lambda: _link(_("Open the page"), address, "external-link").props(
                'target=_blank rel="noopener noreferrer"'
            )
        case UseInstead(ref=ref, adapter=adapter):
            fused = f"&adapter={quote(adapter, safe='')}" if adapter else ""
            address = address_of(f"/?ref={quote(ref, safe='')}{fused}")
            return lambda: _link(_("Use {name}", name=ref), address, "arrow-right")
        case RunElsewhere(line=line):
            return lambda: CopyButton(line, "command", label=_("Copy the command for a terminal"))
        case RunCommand(name="get", arguments=(ref,)):
            return lambda: _link(_("Get it"), address_of(f"/?ref={quote(ref)}"), "download")
        case RunCommand(name=name) if name in PAGES:
            text, page = PAGES[name]
            return lambda: _link(_(text), address_of(page), "arrow-right")
    return None


def _link(text: str, address: str, icon: str) -> Tag:
    return Tag("a", text, "btn btn-plain btn-small", icon=icon).attribute("href", address).mark("remedy")
