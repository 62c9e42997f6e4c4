"""The frame that every page shares: head, sidebar, device card, theme."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nicegui import app, ui

from mlx_convert_ui import device
from mlx_convert_ui.components import Button, Tag, block, progress_bar, set_progress, tooltip
from mlx_convert_ui.studio import Studio, Theme

STATIC = Path(__file__).parent / "static"
VERSION = importlib.metadata.version("mlx-convert")
_STATIC_URL = f"/static/{VERSION}-{int((STATIC / 'app.css').stat().st_mtime)}"  # a new style sheet gets a new address
_BACKGROUND = {"light": "#fbfbfc", "dark": "#0e0e11"}
_THEME_ICONS = {Theme.SYSTEM: "monitor", Theme.LIGHT: "sun", Theme.DARK: "moon"}
MEMORY_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation."""

    path: str
    title: str
    icon: str


MAIN = [Place("/", "Convert", "wand-sparkles"), Place("/test", "Test", "flask-conical")]
MORE: list[Place] = []


def register(studio: Studio) -> None:
    """Once a process: static files, the head of every page, Quasar's defaults."""
    app.add_static_files(_STATIC_URL, STATIC, max_cache_age=31536000)
    fonts = "".join(
        f'<link rel="preload" href="{_STATIC_URL}/fonts/{name}" as="font" type="font/woff2" crossorigin>'
        for name in ("inter-latin-wght-normal.woff2",)
    )
    sheets = "".join(f'<link rel="stylesheet" href="{_STATIC_URL}/{name}.css">' for name in ("icons", "app"))
    ui.add_head_html(fonts + sheets, shared=True)
    app.colors(primary="#5b54d6")
    ui.dialog.default_props("no-refocus=false")


@contextmanager
def frame(studio: Studio, path: str, title: str, subtitle: str) -> Iterator[ui.element]:
    """Draw everything around a page; what follows goes into its main part, the yielded row beside the title."""
    ui.add_head_html(_no_flash(studio.theme))
    ui.page_title(f"{title} · MLX Convert")
    ui.query(".nicegui-content").classes("shell")
    Tag("a", "Skip to the page", "skip").props("href=#main")
    mode = ui.dark_mode(studio.theme.dark)
    with block("sidebar"):
        _brand()
        _navigation(studio, path)
        _device_card()
    with block("main", "main").props("id=main tabindex=-1"):
        with block("page-head"):
            with block("page-title"):
                Tag("h1", title)
                Tag("p", subtitle, "subtitle")
            with block("page-actions") as actions:
                _theme_button(studio, mode)
        if not device.device().apple_silicon:
            _other_machine()
        yield actions


def _brand() -> None:
    with block("brand"):
        Tag("img").props(f'src={_STATIC_URL}/logo.svg alt="" width=24 height=24')
        Tag("span", "MLX Convert", "brand-name")
        Tag("span", VERSION, "brand-version")


def _navigation(studio: Studio, path: str) -> None:
    with block("nav", "nav").props('aria-label="Pages"'):
        for place in MAIN:
            _link(studio, place, path)
        if MORE:
            Tag("div", "", "nav-rule").props("aria-hidden=true")
        for place in MORE:
            _link(studio, place, path)


def _link(studio: Studio, place: Place, path: str) -> None:
    with Tag("a", "", "nav-link", icon=place.icon).props(f"href={place.path}") as link:
        Tag("span", place.title)
        if place.path == path:
            link.props("aria-current=page")
        if place.path == "/":
            count = Tag("span", "", "nav-count")
            tooltip(count, "Conversions that run or wait")
            _show_count(studio, count)
            ui.timer(0.5, lambda: _show_count(studio, count))


def _show_count(studio: Studio, count: Tag) -> None:
    running = studio.views.running
    count.show(str(running) if running else "")
    count.attribute("hidden", None if running else True)
    count.attribute("aria-label", f"{running} running" if running else None)


def _device_card() -> None:
    here = device.device()
    with block("device"):
        with block("device-row"):
            Tag("span", here.name, "device-name")
            Tag("span", here.computes_on, "device-kind")
        with block("device-row"):
            Tag("span", "Memory")
            amount = Tag("span", "", "device-value")
        bar = progress_bar("Memory in use", "bar bar-thin")

    def refresh() -> None:
        used, total = device.memory()
        amount.show(f"{used / 1e9:.1f} / {total / 1e9:.0f} GB")
        set_progress(bar, used / total)

    refresh()
    ui.timer(MEMORY_SECONDS, refresh)


def _theme_button(studio: Studio, mode: ui.dark_mode) -> None:
    def choose() -> None:
        theme = studio.theme.next
        apply_theme(studio, theme, mode)
        button.icon(_THEME_ICONS[theme])
        button.attribute("aria-label", _theme_label(theme)).attribute("data-tip", _theme_label(theme))

    button = Button("", choose, icon=_THEME_ICONS[studio.theme], kind="ghost", label=_theme_label(studio.theme))
    button.mark("theme")


def apply_theme(studio: Studio, theme: Theme, mode: ui.dark_mode) -> None:
    """Keep the choice and show it here at once; other pages have it when they load."""
    studio.set_theme(theme)
    app.config.dark = theme.dark
    mode.value = theme.dark


def _theme_label(theme: Theme) -> str:
    shown = {Theme.SYSTEM: "as the system has it", Theme.LIGHT: "light", Theme.DARK: "dark"}[theme]
    return f"Theme: {shown}. Click to change"


def _other_machine() -> None:
    from mlx_convert_ui.components import note

    note(
        "info",
        "This is no Mac with Apple Silicon.",
        "Converting works in full here. Answers are computed on the CPU and come slowly; on a Mac they use the GPU.",
    )


def _no_flash(theme: Theme) -> str:
    """The background before any script runs."""
    light, dark = _BACKGROUND["light"], _BACKGROUND["dark"]
    if theme is Theme.SYSTEM:
        rule = f"html{{background:{light}}}@media(prefers-color-scheme:dark){{html{{background:{dark}}}}}"
    else:
        rule = f"html{{background:{_BACKGROUND[theme.value]}}}"
    return f"<style>{rule}</style>"
