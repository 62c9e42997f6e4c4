"""The page of the first start, at /welcome: what this does, where models go, a first model. It is shown once."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from nicegui import run, ui

from mlx_convert_core import MlxConvertError
from mlx_convert_core.plugin import SearchHit, expanded, free_disk, units
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Badge, Button, Tag, attributes, block, field, named
from mlx_convert_ui.widgets.dialogs import show_error
from mlx_convert_ui.widgets.frame import READ_SECONDS, frame
from mlx_convert_ui.widgets.glance import badges
from mlx_convert_ui.widgets.picker import pick_folder
from mlx_convert_ui.words import N_, _, given

MODELS = 5
TITLES = (N_("What it does"), N_("Where models go"), N_("A first model"))
_DOES = (
    (
        "wand-sparkles",
        N_("It turns a model from Hugging Face, or from a folder of yours, into MLX, the format for Apple silicon."),
    ),
    ("scale", N_("It makes the model smaller, and checks every part of the result before it is done.")),
    ("message-square", N_("Then chat with it, compare it with others, measure it, and share it if you like.")),
    (
        "lock",
        N_(
            "Models and conversations stay on this machine. Only what you search, fetch or upload goes to Hugging Face."
        ),
    ),
)


def register(studio: Studio) -> None:
    """Serve it at /welcome."""

    @ui.page("/welcome", response_timeout=READ_SECONDS)
    async def page() -> None:
        await run.io_bound(studio.prefer, welcomed=True)  # it never comes back by itself
        hits = await run.io_bound(_suggested, studio) or ()
        with frame(studio, "/welcome", _("Welcome"), _("Three short steps, shown once.")):
            Welcome(studio, hits)


class Welcome:
    """One tab, at one of the steps."""

    def __init__(self, studio: Studio, hits: tuple[SearchHit, ...]) -> None:
        self._studio = studio
        self._hits = hits
        self._step = 0
        self._client = ui.context.client  # the button that leads on goes with its step
        self._folder = str(studio.workspace.settings.load().output_folder)
        self._steps = attributes(block("steps", "ol"), {"aria-label": _("Steps")})
        with attributes(block("card welcome", "section"), {"aria-labelledby": "welcome-step"}):
            self._place = block("welcome-step")
            self._notes = block("notes")
            self._buttons = block("welcome-buttons")
        self._draw()

    def _draw(self) -> None:
        self._draw_steps()
        self._notes.clear()
        self._place.clear()
        with self._place:
            title = f"{self._step + 1}. {_(TITLES[self._step])}"
            Tag("h2", title, "welcome-title").props("id=welcome-step tabindex=-1")
            (self._does, self._where, self._first)[self._step]()
        self._buttons.clear()
        with self._buttons:
            last = self._step == len(TITLES) - 1
            Button(_("Look around first") if last else _("Skip"), self._leave, kind="ghost").mark("skip")
            with block("row-line push"):
                if self._step:
                    Button(_("Back"), lambda: self._go(-1)).mark("back")
                if not last:
                    Button(_("Next"), self._next, kind="primary").mark("next")

    def _draw_steps(self) -> None:
        self._steps.clear()
        with self._steps:
            for number, title in enumerate(TITLES):
                step = Tag("li", _(title), "step-name")
                step.attribute("aria-current", "step" if number == self._step else None)

    def _does(self) -> None:
        with block("welcome-list", "ul"):
            for icon, text in _DOES:
                Tag("li", _(text), icon=icon)

    def _where(self) -> None:
        Tag(
            "p",
            _("Each model is a folder of its own in this one. You can change that later, for all or for each."),
            "muted",
        )
        with field(_("Folder for models")) as name, block("row-line"):
            self._box = ui.input(value=self._folder, on_change=self._typed).mark("models-folder").classes("grow")
            named(self._box, name).props("spellcheck=false autocomplete=off")
            Button("", self._pick, icon="folder-open", label=_("Choose a folder")).mark("browse-models")
        self._room = Tag("p", "", "field-hint")
        self._show_room()

    def _first(self) -> None:
        if not self._hits:
            Tag("p", _("No plugin in use suggests a model. Search for one, or choose a folder of yours."), "muted")
            return
        Tag("p", _("Choose one to see how it works. It is downloaded when you click Convert."), "muted")
        with attributes(block("ready-list", "ul"), {"aria-label": _("Models to begin with")}):
            for hit in self._hits:
                with block("ready-row", "li"):
                    _suggestion(hit)

    def _go(self, by: int) -> None:
        self._step += by
        self._draw()
        self._client.run_javascript(
            "setTimeout(() => document.getElementById('welcome-step')?.focus(), 60)"
        )  # it is read out

    async def _next(self) -> None:
        if self._step == 1 and not await self._keep_folder():
            return
        self._go(1)

    async def _keep_folder(self) -> bool:
        try:
            await run.io_bound(self._studio.workspace.settings.set, "output_folder", self._folder or "models")
        except MlxConvertError as error:
            show_error(self._notes, error)
            return False
        return True

    async def _pick(self) -> None:
        chosen = await pick_folder(self._studio, _("Choose a folder for models"), self._folder)
        if chosen:
            self._box.value = chosen

    def _typed(self) -> None:
        self._folder = str(self._box.value or "").strip()
        self._show_room()

    def _show_room(self) -> None:
        try:
            folder = expanded(self._folder or "models").absolute()
            self._room.show(
                _("{folder}: {size} are free there.", folder=str(folder), size=units.size(free_disk(folder)))
            )
        except (MlxConvertError, OSError):
            self._room.show("")

    def _leave(self) -> None:
        ui.navigate.to("/")


def _suggestion(hit: SearchHit) -> None:
    model = hit.model
    with block("grow"):
        with block("found-title"):
            Tag("span", model.ref, "found-name")
            for text, tone, icon in badges(hit):
                Badge(text, tone, icon=icon)
        size = f"≈ {units.size(hit.weight_bytes)}. " if hit.weight_bytes else ""
        Tag("span", size + given(model.why), "found-about")
    Button(
        _("Choose"),
        _going(f"/?ref={quote(model.ref, safe='')}"),
        label=_("Choose {name}", name=model.ref),
        classes="btn-small",
    ).mark("take")


def _going(address: str) -> Callable[[], None]:
    return lambda: ui.navigate.to(address)


def _suggested(studio: Studio) -> tuple[SearchHit, ...]:
    """Models to begin with that this machine has the memory for; asks no network."""
    try:
        found = studio.workspace.search("", limit=20).hits
    except MlxConvertError:
        return ()
    return tuple(hit for hit in found if hit.fit is None or hit.fit.verdict != "too_large")[:MODELS]
