"""One item of the queue on the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from nicegui import ui

from mlx_convert_core import ConvertRequest, JobState, Preset
from mlx_convert_core.plugin import FollowUp, QueueItem, Remedy, Replace, SkippedOutput, next_free, units
from mlx_convert_ui.state.agreeing import agreed
from mlx_convert_ui.state.convert_form import changes_of
from mlx_convert_ui.state.job_views import JobView
from mlx_convert_ui.state.library_rows import page_of
from mlx_convert_ui.widgets.components import Badge, Button, Tag, address_of, block, note, progress_bar, set_progress
from mlx_convert_ui.widgets.job_card import progress_in_words, step_title
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.wording import moment
from mlx_convert_ui.words import _, given, joined

Action = Callable[[QueueItem], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowActions:
    """What can be done with an item; each is called with it, ``agree`` also with the request to make of it.

    ``upload`` sends one of its results, ``replace_one`` makes one that was left as it was, ``add`` lines one up.
    """

    up: Action
    down: Action
    cancel: Action
    retry: Action
    replace: Action
    agree: Callable[[QueueItem, ConvertRequest], object]
    remove: Action
    upload: Callable[[Path], object]
    replace_one: Callable[[QueueItem, SkippedOutput], object]
    add: Callable[[QueueItem, ConvertRequest], object]


class QueueRow:
    """Draws itself on creation; `show` draws the item as it is now, `refresh` how far its job is."""

    def __init__(self, actions: RowActions, presets: dict[str, Preset], name_of: Callable[[QueueItem], str]) -> None:
        self.item: QueueItem | None = None
        self._name_of = name_of
        self._actions = actions
        self._presets = presets
        self._bar: Tag | None = None
        self._up: Button | None = None
        self._down: Button | None = None
        self.element = block("queue-item", "li").mark("queue-item")

    def show(self, item: QueueItem, place: int, *, first: bool, last: bool) -> None:
        """Draw ``item``, the ``place``-th (from 1); nothing when it is drawn so already."""
        if item != self.item:
            self.item = item
            self.element.clear()
            self._bar = self._up = self._down = None
            with self.element:
                self._build(item)
        self._number.show(str(place))
        if self._up is not None and self._down is not None:
            self._up.enable(not first)
            self._down.enable(not last)

    def refresh(self, view: JobView | None, after: JobView | None = None) -> None:
        """Move the bar and the words; ``after`` is what is being done with a result."""
        if self.item is not None and self.item.to_follow:
            self._about.show(_after_in_words(self.item, after))
        if self.item is None or self.item.state is not JobState.RUNNING:
            return
        if view is None:
            self._about.show(_("Running in another program"))
            return
        self._about.show(joined(step_in_words(view), progress_in_words(view)))
        if self._bar is not None:
            set_progress(self._bar, view.fraction)

    def focus(self, direction: int) -> None:
        """Put the focus on the button that moved it, or, at the end of the way, on the other one."""
        wanted, other = (self._up, self._down) if direction < 0 else (self._down, self._up)
        button = wanted if wanted is not None and not wanted.props.get("disabled") else other
        if button is not None:
            ui.run_javascript(f"getHtmlElement({button.id})?.focus()")

    def _build(self, item: QueueItem) -> None:
        self._number = Tag("span", "", "queue-place").props("aria-hidden=true")
        with block("queue-main"):
            with block("queue-title"):
                Tag("span", self._name_of(item), "queue-name").attribute("title", item.request.ref)
                tone, word = _states()[item.state]
                Badge(word, tone).mark("item-state")
            self._about = Tag("p", self._words(item), "queue-about")
        with block("queue-actions"):
            self._buttons(item)
        with block("queue-more"):
            self._more(item)

    def _words(self, item: QueueItem) -> str:
        titles = ", ".join(
            given(self._presets[name].title) if name in self._presets else name for name in item.request.presets
        )
        numbers = ", ".join(changes_of(item.request).values())
        titles = titles or _("default preset")
        fused = ", ".join(
            Path(adapter).name if Path(adapter).is_absolute() else adapter for adapter in item.request.adapters
        )
        parts = [
            _("{presets}, with {changes}", presets=titles, changes=numbers) if numbers else titles,
            *([_("fused with {adapters}", adapters=fused)] if fused else []),
        ]
        wishes = [
            _("then upload to {place}", place=item.then.upload) if item.then.upload else "",
            _("then measure") if item.then.measure else "",
        ]
        parts += [wish for wish in wishes if wish and not item.state.final]
        if item.state.final and (took := _seconds(item)) is not None:
            parts.append(units.duration(took))
        elif item.state is JobState.QUEUED:
            parts.append(item.request.ref)
        return joined(*parts)

    def _buttons(self, item: QueueItem) -> None:
        name = self._name_of(item)
        if item.state is JobState.QUEUED:
            self._up = _icon(
                "arrow-up", _("Move {name} up", name=name), _("Move up"), lambda: self._actions.up(item), "up"
            )
            self._down = _icon(
                "arrow-down", _("Move {name} down", name=name), _("Move down"), lambda: self._actions.down(item), "down"
            )
        if item.state is JobState.RUNNING:
            self._cancel(item, name).mark("cancel-item")
            return
        if item.to_follow:
            self._cancel(item, name).mark("cancel-after")
        if item.state in (JobState.FAILED, JobState.CANCELLED) or item.failed_after:
            Button(
                _("Try again"),
                lambda: self._actions.retry(item),
                icon="rotate-ccw",
                classes="btn-small",
                label=_("Try again: {name}", name=name),
            ).mark("retry-item")
        _icon("x", _("Remove {name}", name=name), _("Remove"), lambda: self._actions.remove(item), "remove")

    def _cancel(self, item: QueueItem, name: str) -> Button:
        label = _("Cancel {name}", name=name)
        return Button(_("Cancel"), lambda: self._actions.cancel(item), classes="btn-small", label=label)

    def _more(self, item: QueueItem) -> None:
        if item.state is JobState.RUNNING and item.job:
            self._bar = progress_bar(_("Progress of {name}", name=self._name_of(item)), "bar bar-thin")
        elif item.state is JobState.FINISHED:
            for path in item.outputs:
                self._result(path)
                for what in item.followed:
                    if what.path == path:
                        _followed(what)
            for output in item.skipped:
                self._skipped(item, output)
        elif item.state is JobState.FAILED and item.error is not None:
            tell(item.error, offer=lambda remedy: self._offer(item, remedy))

    def _result(self, path: Path) -> None:
        """A result: its page, and what is mostly done next."""
        with block("result-row").mark("result-row"):
            Tag("a", path.name, "result grow").attribute("href", address_of(page_of(path))).mark("result")
            chat = f"/chat?model={quote(str(path))}"
            label = _("Chat with {name}", name=path.name)
            _small(_("Chat"), "message-square", label, lambda: ui.navigate.to(chat))
            label = _("Upload {name}", name=path.name)
            _small(_("Upload …"), "upload", label, lambda: self._actions.upload(path))

    def _skipped(self, item: QueueItem, output: SkippedOutput) -> None:
        """An output that was there already: left as it was, unless somebody says otherwise now."""

        def actions() -> None:
            Button(_("Replace it"), lambda: self._actions.replace_one(item, output), classes="btn-small").mark(
                "replace-one"
            )
            free = next_free(output.path)
            again = replace(item.request, preset=(output.preset,), output=(str(free),), force=False)
            name = _("Make it as {name}", name=free.name)
            Button(name, lambda: self._actions.add(item, again), classes="btn-small").mark("rename-one")

        text = _("{name} was not made: {reason}.", name=output.path.name, reason=output.reason)
        note("warning", text, actions=actions)

    def _offer(self, item: QueueItem, remedy: Remedy) -> tuple[str, Callable[[], object]] | None:
        if isinstance(remedy, Replace):
            return _("Replace it"), lambda: self._actions.replace(item)
        change = agreed(remedy, item.request)
        return (change[0], lambda: self._actions.agree(item, change[1])) if change is not None else None


def _states() -> dict[JobState, tuple[str, str]]:
    """The colour and the word of each."""
    return {
        JobState.QUEUED: ("", _("Waiting")),
        JobState.RUNNING: ("busy", _("Running")),
        JobState.FINISHED: ("ok", _("Done")),
        JobState.FAILED: ("bad", _("Failed")),
        JobState.CANCELLED: ("", _("Cancelled")),
    }


def _icon(icon: str, label: str, tip: str, action: Callable[[], object], mark: str) -> Button:
    return Button("", action, icon=icon, kind="ghost", classes="btn-small", label=label, tip=tip).mark(mark)


def _followed(what: FollowUp) -> None:
    """What came of something that was done with a result, in a line."""
    if what.state is JobState.FINISHED and what.kind == "upload":
        _sent(what.location)
    elif what.state is JobState.FINISHED:
        Tag("p", _("Measured. The figures are on the model's page."), "muted").mark("followed")
    else:
        reason = given(what.error.message) if what.error is not None else _("it was cancelled.")
        upload = what.kind == "upload"
        text = _("Not uploaded: {reason}", reason=reason) if upload else _("Not measured: {reason}", reason=reason)
        note("warning", text, what.error.hint if what.error is not None else "")


def _sent(location: str) -> None:
    with block("result-row").mark("followed"):
        Tag("span", _("Uploaded to"), "muted")
        if location.startswith(("https://", "http://")):  # never a scheme that runs something
            link = Tag("a", location, "path", icon="external-link").attribute("href", location)
            link.props('target=_blank rel="noopener noreferrer"')
        else:
            Tag("span", location, "path")


def _after_in_words(item: QueueItem, view: JobView | None) -> str:
    kind, path = item.to_follow[0]
    name = path.name
    doing = _("Uploading {name}", name=name) if kind == "upload" else _("Measuring {name}", name=name)
    return joined(doing, progress_in_words(view) if view is not None and view.progress else "")


def _small(text: str, icon: str, label: str, act: Callable[[], object]) -> None:
    Button(text, act, icon=icon, classes="btn-small", label=label).mark("result-action")


def step_in_words(view: JobView) -> str:
    """The name of the step that runs."""
    return step_title(view.current.name) if view.current else _("Starting")


def _seconds(item: QueueItem) -> float | None:
    started, ended = moment(item.started), moment(item.ended)
    return (ended - started).total_seconds() if started and ended else None
