"""The list of models to choose from, below the field that names one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from nicegui import ui

from mlx_convert_core.plugin import FoundModel, SearchHit, units
from mlx_convert_ui import wording
from mlx_convert_ui.state.considering import page_about
from mlx_convert_ui.state.finding import Found
from mlx_convert_ui.widgets.components import Badge, Button, Tag, attributes, block
from mlx_convert_ui.widgets.found_list import FoundList
from mlx_convert_ui.widgets.glance import badges
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.words import _, given, joined, plural

FIELD = "source-model"  # the field's id
LIST = "found-models"
_ids = itertools.count(1)


class FoundModels:
    """Draws itself on creation; `draw` shows what was found. ``choose`` takes a ref, ``more`` asks for more of them."""

    def __init__(self, choose: Callable[[str], None], more: Callable[[], None], preset: Callable[[], str]) -> None:
        self._choose = choose
        self._more = more
        self._preset = preset
        self._drawn: Found | None = None
        self._heading = Tag("p", "", "found-heading").props("role=status")
        self._list = attributes(FoundList(f"#{FIELD}", _("Models to choose from")), {"id": LIST})
        self._below = block("found-below")

    def draw(self, found: Found | None) -> None:
        """Show ``found``, None for nothing."""
        if found == self._drawn:
            return
        self._drawn = found
        self._list.clear()
        self._below.clear()
        self._heading.show(_heading(found) if found is not None else "")
        if found is None:
            return
        with self._list:
            if found.recent:
                with _group(_("Converted before")):
                    for ref in found.recent:
                        self._option(SearchHit(model=FoundModel(ref=ref)))
            if found.hits and not found.words:
                with _group(_("Good to start with")):
                    self._options(found)
            else:
                self._options(found)
        with self._below:
            if found.problem is not None:
                tell(found.problem, level="warning")
            if found.more:
                Button(_("Show more"), self._more, kind="ghost", classes="btn-small").mark("more-found")

    def _options(self, found: Found) -> None:
        for hit in found.hits:
            self._option(hit)

    def _option(self, hit: SearchHit) -> None:
        option = Tag("div", "", "found-option").mark("found")
        attributes(option, {"role": "option", "id": f"found-{next(_ids)}", "aria-selected": "false"})
        with option.on("click", lambda: self._choose(hit.model.ref), []):
            with block("found-title"):
                Tag("span", hit.model.ref, "found-name")
                for text, tone, icon in badges(hit):
                    Badge(text, tone, icon=icon)
                more = Tag("span", "", "found-more", icon="info").props("aria-hidden=true")
                more.attribute("title", _("About this model (Shift-Enter)")).on(
                    "click.stop", lambda: ui.navigate.to(page_about(hit.model.ref)), []
                ).mark("about-found")
            about = joined(*(fact.replace(" ", "\xa0") for fact in _facts(hit, self._preset())))  # none is broken
            if about:
                Tag("span", about, "found-about")
            if hit.model.why:
                Tag("span", given(hit.model.why), "found-about")


def _group(title: str) -> ui.element:
    name = f"found-group-{next(_ids)}"
    group = attributes(block("found-group"), {"role": "group", "aria-labelledby": name})
    with group:
        attributes(Tag("span", title, "found-group-title"), {"id": name})
    return group


def _heading(found: Found) -> str:
    """What is said above the list, and to who can't see it."""
    if not found.words:
        return ""
    if found.near:
        return _("No name has exactly these words. Similar names:")
    if not found.hits:
        return "" if found.problem is not None else _("No model has these words in its name.")
    return _("Most downloaded first:")


def _facts(hit: SearchHit, preset: str) -> Iterator[str]:
    model = hit.model
    if hit.weight_bytes:
        size = units.size(hit.weight_bytes)
        yield size if model.ready else _("≈ {size} at {preset}", size=size, preset=preset)
    if model.parameters and not model.ready:
        yield _("{number} parameters", number=units.count(model.parameters))
    if model.model_type:
        yield model.model_type
    if model.licence:
        yield model.licence
    if model.downloads is not None:
        count = units.count(model.downloads)
        yield plural("{short} download", "{short} downloads", model.downloads, short=count)
    if model.likes is not None:
        yield plural("{short} like", "{short} likes", model.likes, short=units.count(model.likes))
    if model.updated:
        yield wording.date(model.updated)
