"""What this is made of: versions, thanks, and the licences of what is bundled."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass
from pathlib import Path

from nicegui import run, ui

from mlx_convert_ui.assets import MARKDOWN, STATIC
from mlx_convert_ui.state.device import device
from mlx_convert_ui.state.studio import Studio
from mlx_convert_ui.widgets.components import Button, Tag, block, card, facts
from mlx_convert_ui.widgets.dialogs import answer_of
from mlx_convert_ui.widgets.frame import VERSION
from mlx_convert_ui.words import N_, _

_LIBRARIES = {"MLX": "mlx", "mlx-lm": "mlx-lm", "huggingface_hub": "huggingface_hub", "NiceGUI": "nicegui"}


@dataclass(frozen=True, slots=True)
class Bundled:
    """Something of others that comes with the app, its licence and where its text is."""

    name: str
    use: str
    licence: str
    text: Path


BUNDLED = (
    Bundled("Inter", N_("Font"), "SIL Open Font License 1.1", STATIC / "fonts/LICENSE-inter.txt"),
    Bundled("JetBrains Mono", N_("Font"), "SIL Open Font License 1.1", STATIC / "fonts/LICENSE-jetbrains-mono.txt"),
    Bundled("Lucide", N_("Icons"), "ISC", STATIC / "LICENSE-lucide.txt"),
    Bundled("marked", "Markdown", "MIT", MARKDOWN / "LICENSE-marked.txt"),
    Bundled("highlight.js", N_("Code in colours"), "BSD 3-Clause", MARKDOWN / "LICENSE-highlight.txt"),
    Bundled("KaTeX", N_("Formulas"), "MIT", MARKDOWN / "LICENSE-katex.txt"),
)
_THANKS = (
    ("MLX and mlx-lm", N_("by Apple's machine learning research, which do the work")),
    ("Hugging Face", N_("for the Hub and its Python client")),
    ("NiceGUI", N_("which draws these pages, with Quasar, Vue and DOMPurify")),
)


def about(studio: Studio) -> None:
    """Versions, repository, thanks."""
    with card(_("About")):
        facts(versions(studio))
        link = repository()
        if link:
            with Tag("a", "", "btn btn-small", icon="external-link").attribute("href", link) as anchor:
                Tag("span", "Repository")
            anchor.props('target=_blank rel="noopener noreferrer"').mark("repository")
    with card(_("Thanks"), classes="card-list"):
        for name, text in _THANKS:
            with block("item item-line"):
                Tag("b", name)
                Tag("span", _(text), "muted")


def licences() -> None:
    """What is bundled, and the text of each licence."""
    with card(_("Licences"), _("MLX Convert itself is under the MIT licence."), classes="card-list"):
        for part in BUNDLED:
            with block("item item-line"):
                with block("item-words"):
                    Tag("b", part.name)
                    Tag("span", f"{_(part.use)} · {part.licence}", "muted")
                Button(
                    _("Read"),
                    lambda part=part: _read(part),
                    classes="btn-small",
                    label=_("Read the licence of {name}", name=part.name),
                )


def versions(studio: Studio) -> list[tuple[str, str]]:
    """Name and version of everything that matters for a bug report; imports none of it."""
    rows = [("MLX Convert", VERSION)]
    rows += [(title, _version(name)) for title, name in _LIBRARIES.items()]
    rows.append(("Python", platform.python_version()))
    rows.append((_("System"), f"{_system()}, {platform.machine()}"))
    here = device()
    return [
        *rows,
        (_("Device"), f"{here.name} ({here.computes_on})"),
        (_("Files of this app"), str(studio.workspace.home)),
    ]


def repository() -> str:
    """The project's address as its package names it, "" when it names none."""
    for line in importlib.metadata.metadata("mlx-convert").get_all("Project-URL") or ():
        name, _comma, address = line.partition(",")
        if name.strip().lower() in ("repository", "source", "homepage") and address.strip().startswith("https://"):
            return address.strip()
    return ""


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return _("not installed")


async def _read(part: Bundled) -> None:
    text = await run.io_bound(part.text.read_text, encoding="utf-8")
    with (
        ui.dialog().props("aria-labelledby=licence-title transition-duration=120") as dialog,
        block("dialog dialog-wide"),
    ):
        Tag("h2", f"{part.name}: {part.licence}", "dialog-title").props("id=licence-title")
        Tag("div", text or "", "log log-tall", label=_("Licence")).props("tabindex=0 role=group")
        with block("dialog-actions"):
            Button(_("Close"), dialog.close).props("autofocus").mark("close-licence")
    await answer_of(dialog)


def _system() -> str:
    """``macOS 15.1``, ``Debian GNU/Linux 12 (bookworm)``: the system by the name that people know, not its kernel's."""
    if version := platform.mac_ver()[0]:
        return f"macOS {version}"
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()
