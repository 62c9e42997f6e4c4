"""The page of a model before it is converted, at /find?ref=REF: what it is, what it would take, and its card."""

from __future__ import annotations

from urllib.parse import quote

from nicegui import background_tasks, ui

from mlx_convert_core import MlxConvertError
from mlx_convert_core.plugin import SourceDetails
from mlx_convert_ui.pages.find.facts import about_card, author_card, files_card, sizes_card
from mlx_convert_ui.state.considering import Considered, consider
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, attributes, block, card, note
from mlx_convert_ui.widgets.frame import frame
from mlx_convert_ui.widgets.get_card import GetCard
from mlx_convert_ui.widgets.live import LiveJobs
from mlx_convert_ui.widgets.ready import ReadyModels
from mlx_convert_ui.widgets.remedies import tell
from mlx_convert_ui.words import _

JOB_SECONDS = 0.3


def register(studio: Studio) -> None:
    """Serve it at /find."""

    @ui.page("/find")
    def page(ref: str = "") -> None:
        name = ref.strip().rstrip("/").rpartition("/")[2] or _("No model named")
        with frame(studio, "/", name, ref.strip()) as actions:
            FindPage(studio, ref.strip(), actions)


class FindPage:
    """One tab's view of a model. It is looked at once the page is there: that may wait for a network."""

    def __init__(self, studio: Studio, ref: str, actions: ui.element) -> None:
        self._studio = studio
        self._ref = ref
        self._gone = False
        self._seen = Considered()
        with actions:
            self._actions = block("row-line")
        self._jobs = LiveJobs(
            block("column jobs"), lambda: studio.views.of("get"), lambda view: GetCard(view, self._get)
        )
        self._place = block("column")
        ui.context.client.on_delete(self._leave)
        ui.timer(JOB_SECONDS, self._refresh)
        self._look()

    def _look(self) -> None:
        if not self._ref:
            with self._place:
                note("error", _("No model was named."), actions=self._to_convert)
            return
        with self._place, block("row-line").props("role=status").mark("looking"):
            Tag("span", "", "spin").props("aria-hidden=true")
            Tag("span", _("Looking at the model …"), "muted")
        background_tasks.create(self._ask(), name="consider")

    async def _ask(self) -> None:
        seen = await self._studio.questions.ask(lambda: consider(self._studio, self._ref))
        if seen is not None and not self._gone:
            self._draw(seen)

    def _draw(self, seen: Considered) -> None:
        self._seen = seen
        self._place.clear()
        self._actions.clear()
        with self._place:
            if seen.details is None:
                self._unknown(seen.problem)
                return
            self._draw_model(seen, seen.details)
        with self._actions:
            self._buttons(seen, seen.details)

    def _draw_model(self, seen: Considered, details: SourceDetails) -> None:
        with block("notes"):
            for finding in (*details.findings, *details.troubles):
                if finding.code != "already_converted" or not seen.ready:  # the list of them says it
                    tell(finding, level=_level(finding.level, ready=details.ready))
        about_card(details)
        sizes_card(details, self._studio.workspace.presets)
        if seen.ready:
            with card("", classes="ready-card"):
                ReadyModels(self._get).draw(seen.ready)
        files_card(details.model)
        author_card(details.about.card)

    def _buttons(self, seen: Considered, details: SourceDetails) -> None:
        page = details.model.page
        if page.startswith("https://"):
            link = Tag("a", _("Open its page"), "btn btn-ghost", icon="external-link")
            attributes(link, {"href": page, "target": "_blank", "rel": "noopener noreferrer"})
        convertible = details.refused is None
        if convertible:
            Button(
                _("Convert"), self._convert, icon="wand-sparkles", kind="plain" if details.ready else "primary"
            ).mark("convert")
        if seen.here is not None:
            address = f"/chat?model={quote(str(seen.here))}"
            Button(_("Chat"), lambda: ui.navigate.to(address), icon="message-square", kind="primary").mark("chat")
        elif details.ready:
            Button(_("Get"), lambda: self._get(self._ref), icon="download", kind="primary").mark("get")

    def _unknown(self, problem: MlxConvertError | None) -> None:
        with block("notes"):
            if problem is not None:
                tell(problem, self._again)

    def _again(self) -> None:
        Button(_("Try again"), self._retry, icon="rotate-ccw", classes="btn-small").mark("again")
        self._to_convert()

    def _retry(self) -> None:
        self._place.clear()
        self._look()

    def _to_convert(self) -> None:
        Button(_("Search"), lambda: ui.navigate.to("/"), icon="search", classes="btn-small").mark("to-convert")

    def _convert(self) -> None:
        ui.navigate.to(f"/?ref={quote(self._ref, safe='')}")

    def _get(self, ref: str) -> None:
        self._studio.get(ref)
        self._refresh()

    async def _refresh(self) -> None:
        if self._jobs.refresh() and self._seen.details is not None:
            await self._ask()  # it may be here now

    def _leave(self) -> None:
        self._gone = True


def _level(level: str, *, ready: bool) -> str:
    """What refuses a conversion is no error of a model that needs none."""
    return "info" if ready and level == "error" else level
