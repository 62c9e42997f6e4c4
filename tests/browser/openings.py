"""What opens over the pages of the app, each with what a person does to open it, in any language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlx_convert_ui.words.catalogues import Catalogue
from playwright.sync_api import Page, expect

DIALOG, MENU = ".q-dialog .dialog", ".q-menu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A page of the program, how its language says things, and what there is to show."""

    page: Page
    words: Catalogue
    source: Path

    def say(self, message: str) -> str:
        """``message`` in the language of the page."""
        return self.words.say(message, {})

    def icon(self, name: str, within: str = "#main") -> None:
        """Click the first button with this icon."""
        self.page.locator(f"{within} button[data-icon='{name}']:visible").first.click()

    def list(self, label: str) -> None:
        """Open the list with this label."""
        self.page.get_by_label(self.say(label), exact=True).click()


@dataclass(frozen=True, slots=True)
class Opening:
    """What ``open`` does to the page at ``path`` ``shows`` something, which the function ``by`` of the app makes.

    Of several that it makes one is looked at; "" is another use of what a row above is about. ``{source}`` in the path
    stands for a model that may be converted, ``{one}`` and ``{other}`` for two that answer at once.
    """

    name: str
    path: str
    open: Callable[[Scene], None]
    shows: str
    by: str = ""


def more(scene: Scene) -> None:
    """Open the menu of the newest model."""
    scene.icon("ellipsis", ".models")


def delete(scene: Scene) -> None:
    """Ask for the newest model to be deleted."""
    more(scene)
    scene.page.locator(".menu-item.danger").click()


def upload(scene: Scene) -> None:
    """Ask for the newest model to be sent."""
    scene.icon("upload", ".models")
    expect(scene.page.locator(".dialog .spin")).to_have_count(0)


def upload_to(scene: Scene) -> None:
    """Ask where to."""
    upload(scene)
    scene.page.locator(".dialog .q-select").first.click()


def compared(scene: Scene) -> None:
    """Compare the models: what comes out can be exported."""
    scene.page.locator("#main .btn-primary").first.click()
    table = scene.page.locator(".compare-place table")
    expect(table).to_have_count(0)  # that of the last comparison has gone, and its menu with it
    expect(table).to_be_visible()
    scene.icon("download", ".compare-place")


def upload_many(scene: Scene) -> None:
    """Ask for all models to be sent."""
    scene.page.locator(".models thead input").check()
    scene.icon("upload", ".selection")
    expect(scene.page.locator(".dialog .spin")).to_have_count(0)


def replace(scene: Scene) -> None:
    """Ask for a model to be made where there is one."""
    describe_in(scene, "6bit")
    expect(scene.page.locator(".convert-bar button")).to_have_text(scene.say("Replace and convert"))
    scene.page.locator(".convert-bar button").click()


def replace_some(scene: Scene) -> None:
    """Ask for two models to be made, of which one is there."""
    describe_in(scene, "6bit", "bf16")
    expect(scene.page.locator(".result-line .badge")).to_have_count(1)
    scene.page.locator(".convert-bar button").click()


def describe_in(scene: Scene, *presets: str) -> None:
    """Name the source and tick just these precisions, in any language."""
    page = scene.page
    page.locator("input[role=combobox]").first.fill(str(scene.source))
    ticked = set(page.locator("label.option input:checked").evaluate_all("boxes => boxes.map((box) => box.value)"))
    for preset in [*(one for one in presets if one not in ticked), *ticked.difference(presets)]:
        page.locator(f"label.option:has(input[value='{preset}'])").click()
    expect(page.locator("label.option input:checked")).to_have_count(len(presets))
    expect(page.locator(".convert-bar button")).to_be_enabled()


def advanced(scene: Scene) -> None:
    """Open a list under Advanced."""
    scene.page.locator(".advanced > summary").click()
    scene.list("Bits")


def lines(scene: Scene) -> None:
    """Open the list that asks what becomes of a model that is there."""
    scene.page.locator("textarea").first.fill(str(scene.source))
    scene.page.locator(".line-there .q-select").first.click()


def talk(scene: Scene) -> None:
    """Go to the conversation that there is."""
    link = scene.page.locator(".chat-item").first
    scene.page.goto(scene.page.evaluate("one => new URL(one, location).href", link.get_attribute("href")))
    scene.page.wait_for_function("() => window.socket?.connected && document.querySelector('article')")


def in_talk(icon: str) -> Callable[[Scene], None]:
    """Click a button above the conversation."""

    def opened(scene: Scene) -> None:
        talk(scene)
        scene.icon(icon, ".chat-head")

    return opened


def in_drawer(scene: Scene) -> None:
    """Keep the settings of the conversation."""
    in_talk("sliders-horizontal")(scene)
    scene.icon("plus", ".drawer")
    expect(scene.page.locator(DIALOG)).to_have_count(2)


def welcomed(steps: int, *, then: Callable[[Scene], None] = lambda _: None) -> Callable[[Scene], None]:
    """Go on by so many steps of the first start, and ``then`` do more."""

    def opened(scene: Scene) -> None:
        for step in range(steps):
            scene.page.locator(".welcome-buttons .btn-primary").click()
            expect(scene.page.locator(".welcome-title")).to_contain_text(f"{step + 2}.")
        then(scene)

    return opened


def click(selector: str) -> Callable[[Scene], None]:
    """Click the first of these that can be seen."""
    return lambda at: at.page.locator(f"{selector} >> visible=true").first.click()


def icon(name: str) -> Callable[[Scene], None]:
    """Click the first button with this icon."""
    return lambda at: at.icon(name)


def choices(label: str) -> Callable[[Scene], None]:
    """Open the list with this label."""
    return lambda at: at.list(label)


MODELS = click(".model-button")
FOUND = "/find?ref={source}"
ANSWERING = "/compare?model={one}&model={other}"
OPENINGS = (
    Opening(
        "palette", "/", lambda at: at.page.keyboard.press("Control+k"), DIALOG, "widgets/palette.py:_Palette.__init__"
    ),
    Opening("suggestions", "/", click("input[role=combobox]"), ".found-option"),
    Opening("folders", "/", icon("folder-open"), DIALOG, "widgets/picker.py:_Picker.__init__"),
    Opening("bits", "/", advanced, MENU, "pages/convert/advanced.py:AdvancedFields._select"),
    Opening("replace", "/", replace, DIALOG, "widgets/dialogs.py:confirm"),
    Opening("replace some", "/", replace_some, DIALOG, "widgets/dialogs.py:decide"),
    Opening("models", "/test", MODELS, MENU, "widgets/model_menu.py:ModelMenu.__init__"),
    Opening("models of a chat", "/chat", MODELS, MENU),
    Opening("export of a chat", "/chat", in_talk("download"), MENU, "pages/chat/header.py:Header._export"),
    Opening("name of a chat", "/chat", in_talk("pencil"), DIALOG, "widgets/dialogs.py:ask_line"),
    Opening("end of a chat", "/chat", in_talk("trash-2"), DIALOG),
    Opening(
        "settings of a chat",
        "/chat",
        in_talk("sliders-horizontal"),
        DIALOG,
        "pages/chat/dialogs.py:SettingsDrawer.__init__",
    ),
    Opening("kept settings", "/chat", in_drawer, DIALOG),
    Opening("models to compare", "/compare", MODELS, MENU),
    Opening("export of a comparison", ANSWERING, compared, MENU, "widgets/menus.py:menu_below"),
    Opening("model of the library", "/library", more, MENU, "pages/library/menu.py:RowMenu.open"),
    Opening("end of a model", "/library", delete, DIALOG),
    Opening("folder with models", "/library", icon("folder-plus"), DIALOG, "pages/library/adding.py:_Adding.__init__"),
    Opening("upload", "/library", upload, DIALOG, "widgets/upload_dialog.py:_Upload.__init__"),
    Opening("place of an upload", "/library", upload_to, MENU, "widgets/upload_dialog.py:_Upload._fields"),
    Opening("uploads", "/library", upload_many, DIALOG, "widgets/upload_many.py:_UploadMany.__init__"),
    Opening("presets of the queue", "/queue", choices("Presets"), MENU, "pages/queue/adding.py:AddingCard.__init__"),
    Opening(
        "uploads of the queue", "/queue", choices("Upload when done"), MENU, "pages/queue/adding.py:AddingCard._then"
    ),
    Opening("a model that is there", "/queue", lines, MENU, "pages/queue/lines.py:LineList._there"),
    Opening("preset", "/settings", choices("Preset"), MENU, "pages/settings/defaults.py:converting"),
    Opening("who sees uploads", "/settings", choices("Who can see it"), MENU, "pages/settings/defaults.py:uploads"),
    Opening("languages", "/settings", choices("Language"), MENU, "pages/settings/defaults.py:_language"),
    Opening(
        "licence", "/settings", click("#main .card-list .item-line button"), DIALOG, "pages/settings/about.py:_read"
    ),
    Opening("files of a model that was found", FOUND, click("#main details > summary"), "#main details[open] table"),
    Opening("palette of a model that was found", FOUND, lambda at: at.page.keyboard.press("Control+k"), DIALOG),
    Opening("a model that is not there", "/find?ref=/not/there", lambda _: None, "[role=alert] .btn"),
    Opening("welcome", "/welcome", welcomed(0), ".welcome-list"),
    Opening("folders of the welcome", "/welcome", welcomed(1, then=icon("folder-open")), DIALOG),
    Opening("first models", "/welcome", welcomed(2), ".welcome .btn-small"),
)
