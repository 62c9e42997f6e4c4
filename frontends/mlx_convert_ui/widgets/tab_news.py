"""How conversions go, for who works in another tab meanwhile: the tab's title, and a notification at the end."""

from __future__ import annotations

from nicegui import ui
from nicegui.element import Element

from mlx_convert_core import JobState
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.words import N_, _, plural

LOOK_SECONDS = 1.0


class Notifier(Element, component="notifier.js"):
    """A button that asks whether the browser may notify, while there is something to wait for; `tell` does."""

    def __init__(self) -> None:
        super().__init__()
        self._props.update(active=False, news=None)
        self._told = 0

    def wait(self, active: bool) -> None:
        """Whether there is something to wait for."""
        if self._props["active"] != active:
            self._props["active"] = active
            self.update()

    def tell(self, title: str, text: str) -> None:
        """Notify, if that was allowed and nobody looks at the page."""
        self._told += 1
        self._props["news"] = {"title": title, "text": text, "number": self._told}
        self.update()


def tab_news(studio: Studio, name: str) -> None:
    """Keep the title of the page called ``name`` up to date, and notify once nothing runs or waits any more."""
    ui.page_title(name)
    notifier = Notifier()
    shown, began = name, {view.job.id for view in _conversions(studio) if view.active}

    def refresh() -> None:
        nonlocal shown, began
        views = _conversions(studio)
        running = [view for view in views if view.state is JobState.RUNNING]
        title = f"{running[0].fraction:.0%} · {name}" if running else name
        if title != shown:
            shown = title
            ui.page_title(title)
        open_ = any(view.active for view in views) or bool(studio.queue.open)
        notifier.wait(open_)
        ended = [view for view in views if view.job.id in began and view.state in _ENDS]
        if began and not open_:
            if ended:
                notifier.tell(_title(ended), "\n".join(f"{view.model}: {_(_ENDS[view.state])}" for view in ended))
            began = set()
        began |= {view.job.id for view in views if view.active}

    ui.timer(LOOK_SECONDS, refresh)


_ENDS = {JobState.FINISHED: N_("ready"), JobState.FAILED: N_("failed")}  # a person who cancels knows


def _title(ended: list[JobView]) -> str:
    bad = sum(view.state is JobState.FAILED for view in ended)
    if bad and len(ended) == 1:
        return _("The conversion failed")
    if bad:
        return plural("{bad} of {count} conversion failed", "{bad} of {count} conversions failed", len(ended), bad=bad)
    return plural("The conversion is done", "{count} conversions are done", len(ended))


def _conversions(studio: Studio) -> tuple[JobView, ...]:
    """Of the Convert page and of the queue."""
    return studio.views.of("convert")
