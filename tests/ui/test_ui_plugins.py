"""The Plugins page, and pages that plugins add."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlx_convert_ui.pages.plugins.page import HOOKS, KINDS
from mlx_convert_ui.state.studio import Studio
from simulated import labelled, sees, visiting

from mlx_convert_core import Workspace
from mlx_convert_core.plugins import hookspecs

pytestmark = pytest.mark.asyncio

GOOD = """
from mlx_convert_core import Preset, Quantization
from mlx_convert_core.plugin import Page, hookimpl


@hookimpl
def register_presets():
    yield Preset(name="pocket", title="Pocket", summary="Small.", quantization=Quantization(bits=3))


@hookimpl
def register_pages():
    yield Page(name="hello", title="Hello", summary="Says hello.", load=load)
    yield Page(name="sick", title="Sick", summary="Fails.", load=lambda: fail)


def load():
    from nicegui import ui
    return lambda workspace: ui.label(f"There are {len(workspace.presets)} presets.")


def fail(workspace):
    from nicegui import ui
    ui.label("half a page")
    raise ValueError("the oven is cold")
"""
BAD = "import a_module_that_nobody_has\n"


@pytest.fixture
def studio(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """Give a studio with a plugin that works and one that does not."""
    (home / "plugins").mkdir()
    (home / "plugins/greeter.py").write_text(GOOD)
    (home / "plugins/broken.py").write_text(BAD)
    monkeypatch.chdir(tmp_path)
    return Studio(Workspace())


async def test_plugins_are_listed_with_what_they_add_and_what_failed(studio: Studio, home: Path) -> None:
    async with visiting(studio, "/plugins") as user:
        await sees(user, "greeter", "pocket", "hello, sick", "mlx_convert_lm", "converts", str(home / "plugins"))
        await sees(user, "Not used", "Plugin broken: ModuleNotFoundError: No module named 'a_module_that_nobody_has'")


async def test_a_page_of_a_plugin_is_in_the_navigation_and_draws_in_the_frame(studio: Studio) -> None:
    async with visiting(studio, "/plugins") as user:
        links = [link.props.get("href") for link in user.find("Hello").elements for link in [link.parent_slot.parent]]
        assert links == ["/plugin/hello"]
        await user.open("/plugin/hello")
        await sees(user, f"There are {len(studio.workspace.presets)} presets.", "Says hello.", "Library")


async def test_a_page_that_fails_says_so_in_the_frame(studio: Studio) -> None:
    async with visiting(studio, "/plugin/sick") as user:
        await sees(user, "This page failed: ValueError: the oven is cold", "Library")
        assert labelled(user, "Details", within="bug-report").elements  # folded away until somebody wants it
        await user.should_not_see("half a page")


async def test_a_page_that_nobody_has_is_said_to_be_missing(studio: Studio) -> None:
    async with visiting(studio, "/plugin/nobody") as user:
        await sees(user, "Page not found", "Nothing here")


async def test_every_hook_has_plain_words() -> None:
    hooks = {name for name, value in vars(hookspecs).items() if hasattr(value, f"{hookspecs.GROUP}_spec")}
    assert {hook for hook in hooks if not hook.startswith("register_")} == set(HOOKS)
    registrars = {hook.removeprefix("register_").replace("_", " ") for hook in hooks if hook.startswith("register_")}
    assert registrars == set(KINDS)
