"""Whatever opens over a page, in both themes, wide and narrow, in English and in Arabic: sound, whole, inside.

`OPENINGS` has a row for each, and each place of the code that makes a dialog, a menu or a list belongs to a row.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import mlx_convert_ui
import pytest
from mlx_convert_ui.words.catalogues import load
from playwright.sync_api import Page, expect
from samples.mlx_folder import write_mlx_folder

from browser.looks import WIDTHS, faults, out_of_reach
from browser.models import copy_model, scripted_model
from browser.openings import DIALOG, OPENINGS, Opening, Scene
from browser.program import Program
from browser.watching import Visitor
from mlx_convert_core import Workspace
from mlx_convert_core.plugin import ChatSettings

PLUGINS = ("acme", "scripted")
CODE = Path(mlx_convert_ui.__file__).parent
MAKERS = tuple(f"ui.{name}" for name in ("dialog", "menu", "select", "context_menu", "dropdown_button"))
LANGUAGES = ("en", "ar")
THEMES = ("light", "dark")
SAMPLE = [one for one in OPENINGS if one.name in ("replace", "model of the library", "upload", "settings of a chat")]


@pytest.fixture(scope="module")
def places(program: Program, tiny_model: Path, tiny_source: Path) -> dict[str, str]:
    """Put models into the library, one where the next would be made, and keep a conversation and settings.

    What the paths of the rows name comes back.
    """
    names = ("Llama-3.2-1B-Instruct-MLX-4bit", "tiny")
    answering = (scripted_model(tiny_model, program.models / name, ["Hello."]) for name in names)
    models = (*answering, copy_model(tiny_model, program.models / "last"))  # no file of anybody's is in that: it may go
    for bits in (4, 6):
        write_mlx_folder(program.models / f"{tiny_source.name}-MLX-{bits}bit")
    with Workspace(home=program.home) as workspace:
        for model in models:
            workspace.scan(model)
        workspace.answer_presets.keep("Dry", ChatSettings(system="Be dry."))
        talk = workspace.conversations.create(models[0]).with_message("user", "Hello?")
        workspace.conversations.save(talk.with_message("assistant", "Hello."))
    named = {"source": tiny_source, "one": models[0], "other": models[1]}
    return {name: quote(str(path), safe="") for name, path in named.items()}


def made_by() -> set[str]:
    """Every function of the app that makes a dialog, a menu or a list that opens."""
    return {
        f"{path.relative_to(CODE)}:{name}"
        for path in CODE.rglob("*.py")
        for name in _makers(ast.parse(path.read_text()))
    }


def _makers(tree: ast.AST, within: tuple[str, ...] = ()) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in MAKERS:
            yield ".".join(within)
        yield from _makers(node, (*within, node.name) if named else within)  # type: ignore[attr-defined]


def test_each_place_that_makes_what_opens_has_a_row() -> None:
    assert made_by() == {one.by for one in OPENINGS if one.by}


@pytest.mark.parametrize("opening", SAMPLE, ids=lambda one: one.name)
def test_what_opens_on_a_phone_in_arabic_is_sound(
    visitor: Visitor, places: dict[str, str], tiny_source: Path, opening: Opening
) -> None:
    assert not _found(visitor, opening, "ar", tiny_source, places, widths=(390,), themes=("dark",))


def test_a_dialog_that_is_taller_than_the_window_is_scrolled_to_its_buttons(
    visitor: Visitor, places: dict[str, str]
) -> None:
    page = visitor.open("/library", width=390, height=320)
    page.locator(".models button[data-icon='upload']:visible").first.click()
    expect(page.locator(DIALOG)).to_be_visible()
    assert not out_of_reach(page)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("opening", OPENINGS, ids=lambda one: one.name)
def test_whatever_opens_is_sound_everywhere(
    visitor: Visitor, places: dict[str, str], tiny_source: Path, opening: Opening, language: str
) -> None:
    found = _found(visitor, opening, language, tiny_source, places)
    assert not found, "\n".join(dict.fromkeys(found))


def _found(
    visitor: Visitor,
    opening: Opening,
    language: str,
    source: Path,
    places: dict[str, str],
    *,
    widths: tuple[int, ...] = WIDTHS,
    themes: tuple[str, ...] = THEMES,
) -> list[str]:
    """What is wrong once it is open, in each theme and at each width; it is opened anew at each width."""
    found = []
    for width in widths:
        page = visitor.open(opening.path.format_map(places), locale=language, width=width, theme=themes[0])
        opening.open(Scene(page=page, words=load(language), source=source))
        expect(page.locator(opening.shows).last).to_be_visible()
        for theme in themes:
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            expect(page.locator("body")).to_have_class(re.compile(f"body--{theme}"))
            found += [f"{theme} {width}: {text}" for text in faults(page)]
            _photograph(page, f"{opening.name}-{language}-{width}-{theme}")
        page.context.close()
    return found


def _photograph(page: Page, name: str) -> None:
    """Keep a picture in the folder that PICTURES names, for eyes to look at."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name.replace(' ', '-')}.png", animations="disabled")
