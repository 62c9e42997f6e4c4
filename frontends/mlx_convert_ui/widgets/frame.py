"""The frame that every page shares: head, sidebar, device card, theme."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from nicegui import ElementFilter, app, run, ui

from mlx_convert_ui import wording
from mlx_convert_ui.assets import STATIC
from mlx_convert_ui.state import device
from mlx_convert_ui.state.destinations import Destination
from mlx_convert_ui.state.preferences import Theme
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import (
    Button,
    Tag,
    address_of,
    attributes,
    block,
    note,
    progress_bar,
    set_progress,
)
from mlx_convert_ui.widgets.language import speak
from mlx_convert_ui.widgets.navigation import all_places, navigation
from mlx_convert_ui.widgets.palette import palette
from mlx_convert_ui.widgets.tab_news import tab_news
from mlx_convert_ui.words import N_, _

VERSION = importlib.metadata.version("mlx-convert")
_SHEETS = ("icons", "app", *sorted({sheet.stem for sheet in STATIC.glob("*.css")} - {"icons", "app"}))
_FILES = (*(f"{name}.css" for name in _SHEETS), "page.js")
_CHANGED = max(int((STATIC / name).stat().st_mtime) for name in _FILES)
_STATIC_URL = f"/static/{VERSION}-{_CHANGED}"  # a new style sheet gets a new address
_BACKGROUND = {"light": "#fbfbfc", "dark": "#0e0e11"}
_THEME_ICONS = {Theme.SYSTEM: "monitor", Theme.LIGHT: "sun", Theme.DARK: "moon"}
_THEME_LABELS = {
    Theme.SYSTEM: N_("Theme: same as the system. Click to change"),
    Theme.LIGHT: N_("Theme: light. Click to change"),
    Theme.DARK: N_("Theme: dark. Click to change"),
}
MEMORY_SECONDS = 3.0
READ_SECONDS = 30.0  # that a page may take to read the disk before it is drawn


def register(studio: Studio) -> None:
    """Once a process: static files, Quasar's defaults."""
    app.add_static_files(_STATIC_URL, STATIC, max_cache_age=31536000)
    app.colors(primary="#5b54d6")
    app.config.quasar_config["loadingBar"]["skipHijack"] = True  # it has no name that a screen reader could say


@contextmanager
def frame(studio: Studio, path: str, title: str, subtitle: str) -> Iterator[ui.element]:
    """Draw everything around a page; what follows goes into its main part, the yielded row beside the title."""
    speak()
    ui.add_head_html(_head(address_of(""), studio.theme))
    ui.query(".nicegui-content").classes("shell")
    for element in ui.context.client.page_container.default_slot.children:
        element.tag = "div"  # Quasar's page is a <main>; ours begins beside the navigation
    Tag("a", _("Skip to the page"), "skip").props("href=#main")
    with block("sidebar", "header"):
        _brand()
        navigation(studio, path)
        _device_card()
    with block("main", "main").props("id=main tabindex=-1"):
        with block("page-head"):
            with block("page-title"):
                Tag("h1", title)
                Tag("p", subtitle, "subtitle")
            with block("page-actions") as actions:
                palette(studio, lambda: _places(studio))
                tab_news(studio, f"{title} · MLX Convert")
                ThemeButton(studio)
        if not device.device().apple_silicon and not studio.preferences.machine_told:
            _other_machine(studio)
        yield actions


def _places(studio: Studio) -> tuple[Destination, ...]:
    """The pages, and what is done from every one of them."""
    pages = (
        Destination(title=_(one.title), icon=one.icon, group=N_("Pages"), address=one.path)
        for one in all_places(studio)
    )
    themes = ((Theme.LIGHT, _("Light theme")), (Theme.DARK, _("Dark theme")), (Theme.SYSTEM, _("System theme")))
    return (
        *pages,
        Destination(title=_("New chat"), icon="message-square", group=N_("Actions"), address="/chat"),
        Destination(title=_("Convert a model"), icon="wand-sparkles", group=N_("Actions"), address="/"),
        *(
            Destination(
                title=title, icon=_THEME_ICONS[theme], group=N_("Actions"), act=partial(choose_theme, studio, theme)
            )
            for theme, title in themes
            if theme is not studio.theme
        ),
    )


def _brand() -> None:
    with block("brand"):
        Tag("img").props('alt="" width=24 height=24').attribute("src", address_of(f"{_STATIC_URL}/logo.svg"))
        Tag("span", "MLX Convert", "brand-name")
        Tag("span", VERSION, "brand-version")


def _device_card() -> None:
    here = device.device()
    with block("device"):
        with block("device-row"):
            Tag("span", here.name, "device-name")
            Tag("span", here.computes_on, "device-kind")
        with block("device-row"):
            Tag("span", _("Memory"))
            amount = Tag("span", "", "device-value")
        bar = progress_bar(_("Memory in use"), "bar bar-thin")

    def refresh() -> None:
        used, total = device.memory()
        amount.show(wording.size_of(used, total))
        set_progress(bar, used / total)

    refresh()
    ui.timer(MEMORY_SECONDS, refresh)


class ThemeButton(Button):
    """Goes round system, light and dark; `show_theme` shows a choice that was made elsewhere on the page."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(
            "", self._next, icon=_THEME_ICONS[studio.theme], kind="ghost", label=_theme_label(studio.theme)
        )
        self._studio = studio
        self._mode = ui.dark_mode(studio.theme.dark)
        self.mark("theme")

    def show_theme(self) -> None:
        """Show the theme as it is kept."""
        theme = self._studio.theme
        self._mode.value = theme.dark
        self.icon(_THEME_ICONS[theme])
        self.attribute("aria-label", _theme_label(theme)).attribute("data-tip", _theme_label(theme))

    async def _next(self) -> None:
        await choose_theme(self._studio, self._studio.theme.next)


class ThemeRadio(ui.element):
    """One of the choices of a theme; checked while it is the one."""

    def __init__(self, studio: Studio, theme: Theme) -> None:
        super().__init__("input")
        self._studio = studio
        self._theme = theme
        attributes(self.props("type=radio name=theme"), {"value": theme.value}).mark(f"theme-{theme.value}")
        self.on("change", lambda: choose_theme(studio, theme), [])
        self.show_theme()

    def show_theme(self) -> None:
        """Show the theme as it is kept."""
        self.props["checked"] = self._theme is self._studio.theme


async def choose_theme(studio: Studio, theme: Theme) -> None:
    """Keep the choice and show it on this page at once; other pages have it when they load."""
    await run.io_bound(studio.prefer, theme=theme)
    app.config.dark = theme.dark
    for button in ElementFilter(kind=ThemeButton):
        button.show_theme()
    for radio in ElementFilter(kind=ThemeRadio):
        radio.show_theme()


def _theme_label(theme: Theme) -> str:
    return _(_THEME_LABELS[theme])


def _other_machine(studio: Studio) -> None:
    """Said until somebody has read it."""

    async def read() -> None:
        place.delete()
        await run.io_bound(studio.prefer, machine_told=True)

    with block("notes") as place:
        note(
            "info",
            _("This isn't an Apple silicon Mac."),
            _("Everything works here, but answers come slowly: the CPU computes them. On a Mac the GPU does."),
            lambda: Button(_("Don't show this again"), read, classes="btn-small").mark("machine-told"),
        )


def _head(place: str, theme: Theme) -> str:
    """Style sheets; and the browser keeps ``place``, below which our pages are, for who comes without it."""
    static = place + _STATIC_URL
    font = f"{static}/fonts/inter-latin-wght-normal.woff2"
    preload = f'<link rel="preload" href="{font}" as="font" type="font/woff2" crossorigin>'
    sheets = "".join(f'<link rel="stylesheet" href="{static}/{name}.css">' for name in _SHEETS)
    script = f'<script type="module" src="{static}/page.js"></script>'
    kept = f'<script>localStorage.setItem("place", "{place}")</script>' if place else ""
    return preload + sheets + script + _no_flash(theme) + kept


def _no_flash(theme: Theme) -> str:
    """The background before any script runs."""
    light, dark = _BACKGROUND["light"], _BACKGROUND["dark"]
    if theme is Theme.SYSTEM:
        rule = f"html{{background:{light}}}@media(prefers-color-scheme:dark){{html{{background:{dark}}}}}"
    else:
        rule = f"html{{background:{_BACKGROUND[theme.value]}}}"
    return f"<style>{rule}</style>"
