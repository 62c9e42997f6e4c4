"""Pages of plugins: named, checked, and loaded only when they are opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlx_convert_core import Workspace
from mlx_convert_core.plugin import Page

DRAWN = """
def load():
    def draw(workspace):
        (workspace.home / "drawn").touch()
    return draw

@hookimpl
def register_pages():
    yield Page(name="hello", title="Hello", summary="Says hello.", load=load)
"""


def test_a_plugin_adds_a_page(add_plugin: Callable[[str, str], Path], home: Path) -> None:
    add_plugin("greeter", DRAWN)
    with Workspace() as workspace:
        page = workspace.pages()["hello"]
        assert isinstance(page, Page)
        assert (page.title, page.icon) == ("Hello", "puzzle")
        page.load()(workspace)
        assert (home / "drawn").exists()
        assert workspace.contributions()["greeter"] == {"pages": ("hello",)}


def test_what_is_no_page_is_refused_by_name(add_plugin: Callable[[str, str], Path]) -> None:
    add_plugin("wrong", "@hookimpl\ndef register_pages():\n    yield 7\n")
    with Workspace() as workspace:
        assert workspace.pages() == {}
        assert ["wrong" in failure.plugin for failure in workspace.plugin_failures] == [True]
        assert "not a Page" in workspace.plugin_failures[0].reason
