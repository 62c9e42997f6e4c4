"""The small parts that pages are made of. Plain HTML where Quasar adds nothing: less to load, less to style."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Self, TypeVar

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from mlx_convert_ui.words import given

Handler = Callable[..., Any]
Element = TypeVar("Element", bound=ui.element)
_ids = itertools.count(1)
CHEVRON = "M6 9l6 6l6 -6@@fill:none;stroke:currentColor;stroke-width:1.75;stroke-linecap:round|0 0 24 24"
CROSS = "M18 6L6 18M6 6l12 12@@fill:none;stroke:currentColor;stroke-width:1.75;stroke-linecap:round|0 0 24 24"


class Tag(TextElement):
    """Any HTML element with text in it."""

    def __init__(self, tag: str, text: str = "", classes: str = "", *, icon: str = "", label: str = "") -> None:
        super().__init__(tag=tag, text=text)
        self.classes(classes)
        if icon:
            self.icon(icon)
        if label:
            self._props["aria-label"] = label

    def icon(self, name: str) -> Self:
        """Put a Lucide icon before the text (icons.css knows it by its name)."""
        self._props["data-icon"] = name
        self.update()
        return self

    def attribute(self, name: str, value: Any) -> Self:
        """Set an HTML attribute; None takes it away. Does nothing when it is so already."""
        if self._props.get(name) == value:
            return self
        if value is None:
            self._props.pop(name, None)
        else:
            self._props[name] = value
        self.update()
        return self

    def show(self, text: str) -> Self:
        """Change the text, if it is another."""
        if self.text != text:
            self.text = text
        return self


class Button(Tag):
    """A button; ``kind`` primary is for the one thing that a page is for."""

    def __init__(
        self,
        text: str,
        on_click: Handler | None = None,
        *,
        icon: str = "",
        kind: Literal["plain", "primary", "ghost", "danger"] = "plain",
        label: str = "",
        tip: str = "",
        classes: str = "",
    ) -> None:
        super().__init__("button", text, f"btn btn-{kind} {classes}", icon=icon, label=label)
        self._props["type"] = "button"
        if not text:
            self.classes("btn-icon")
        if on_click is not None:
            self.on("click", on_click, [])
        if tip or (label and not text):
            tooltip(self, tip or label)

    def enable(self, enabled: bool = True) -> Self:
        """Let it be clicked, or not."""
        return self.attribute("disabled", None if enabled else True)


class Badge(Tag):
    """A word with a colour that means something: ok, busy, warn, bad or none."""

    def __init__(self, text: str = "", tone: str = "", *, icon: str = "") -> None:
        super().__init__("span", text, f"badge badge-{tone}" if tone else "badge", icon=icon)


def block(classes: str, tag: str = "div", *, label: str = "") -> ui.element:
    """An element with classes, to put others into; ``label`` names it for who can't see it."""
    element = ui.element(tag).classes(classes)
    return attributes(element, {"aria-label": label}) if label else element


def attributes(element: Element, values: Mapping[str, Any]) -> Element:
    """Set HTML attributes to just these values.

    `Element.props` reads a text: a quote in a name would end the attribute, and ``:name="..."`` be run as script.
    It is for constants only; whatever comes from elsewhere is set here.
    """
    element.props.update(values)
    return element


def address_of(path: str) -> str:
    """The address of our page or file at ``path``, for a link: all are below a place that only this server knows."""
    place: str = ui.context.client.request.scope.get("root_path", "")
    return place + path


@contextmanager
def card(title: str = "", hint: str = "", classes: str = "") -> Iterator[ui.element]:
    """A section with a heading; what comes after the heading goes inside."""
    with ui.element("section").classes(f"card {classes}") as element:
        if title:
            name = f"h-{next(_ids)}"
            attributes(element, {"aria-labelledby": name})
            with block("card-head"):
                Tag("h2", title, "card-title").attribute("id", name)
                if hint:
                    Tag("span", hint, "card-hint")
        yield element


@contextmanager
def field(label: str, tip: str = "", classes: str = "") -> Iterator[str]:
    """A label above a control, with a sentence on what it does; hands out the id for `named`."""
    name = f"f-{next(_ids)}"
    with block(f"field {classes}"):
        with block("field-label"):
            Tag("label", label).attribute("for", name)
            if tip:
                help_mark(tip)
        yield name


def named(control: Any, name: str) -> Any:
    """Tie a Quasar control to the label that `field` made."""
    return attributes(control.props("outlined dense hide-bottom-space"), {"for": name})


def help_mark(tip: str) -> None:
    """A small circled i that explains on hover and on focus."""
    mark = Tag("span", "", "help", icon="info", label=tip).props("tabindex=0 role=img")
    tooltip(mark, tip)


def tooltip(element: ui.element, text: str) -> None:
    """One sentence on hover and focus: pure CSS, no element and no message of its own."""
    element.props["data-tip"] = text


def note(level: str, message: str, hint: str = "", actions: Callable[[], None] | None = None) -> None:
    """A finding or an error where it arose: what happened, the next step, a button for it if there is one."""
    icon = {"error": "circle-alert", "warning": "triangle-alert"}.get(level, "info")
    role = "alert" if level == "error" else "status"
    with attributes(block(f"note note-{level}"), {"role": role}):
        Tag("span", "", "note-icon", icon=icon).props("aria-hidden=true")
        with block("note-body"):
            Tag("p", sentence(given(message)), "note-message")
            if hint:
                Tag("p", sentence(given(hint)), "note-hint")
            if actions is not None:
                with block("note-actions"):
                    actions()


def sentence(text: str) -> str:
    """With a capital, unless it begins with a name, and a full stop; messages of the core come without the first."""
    text = text.strip()
    first = text.partition(" ")[0]
    begun = text[:1].upper() + text[1:] if first.replace("'", "").rstrip(",").isalpha() else text
    return begun + ("" if text[-1:] in ".!?:。！？：؟" else ".") if text else ""


def progress_bar(label: str, classes: str = "bar") -> Tag:
    """A bar; `set_progress` moves it."""
    bar = Tag("div", "", classes)
    bar.props["role"] = "progressbar"
    bar.props.update({"aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0})
    bar.style("--done: 0%")
    return bar


def set_progress(bar: Tag, fraction: float) -> None:
    """Move a bar to ``fraction`` (0 to 1)."""
    percent = f"{max(0.0, min(1.0, fraction)) * 100:.1f}%"
    if bar._style.get("--done") != percent:
        bar.style["--done"] = percent
        bar.attribute("aria-valuenow", round(fraction * 100))


def facts(rows: list[tuple[str, str]]) -> None:
    """A list of names and values."""
    with block("facts", "dl"):
        for name, value in rows:
            with block("fact"):
                Tag("dt", name)
                Tag("dd", value)


def empty(icon: str, title: str, text: str, action: Callable[[], None] | None = None) -> None:
    """An empty state that names the first step."""
    with block("empty"):
        Tag("div", "", "empty-icon", icon=icon).props("aria-hidden=true")
        Tag("p", title, "empty-title")
        Tag("p", text, "empty-text")
        if action is not None:
            action()
