"""docs/api.md: both lists of public names, complete, so that none comes or goes unseen."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from pages import ROOT, sections

import mlx_convert_core
from mlx_convert_core import plugin
from mlx_convert_core.plugins import interfaces, model_converters, model_sources
from mlx_convert_core.plugins.hookspecs import moments, providers, registrars

HOOKS = (providers, moments, registrars, interfaces, model_sources, model_converters)
PAGE = sections(ROOT / "docs" / "api.md")


@pytest.mark.parametrize("module", [mlx_convert_core, plugin], ids=lambda module: module.__name__)
def test_the_page_lists_the_names_of_the_module_and_no_others(module: ModuleType) -> None:
    listed = re.findall(r"`(\w+)`", PAGE[module.__name__])
    assert sorted(listed) == sorted(module.__all__)


@pytest.mark.parametrize("module", HOOKS, ids=lambda module: module.__name__)
def test_what_a_hook_takes_and_answers_can_be_imported_by_a_plugin(module: ModuleType) -> None:
    tree = list(ast.walk(ast.parse(Path(str(module.__file__)).read_text())))
    spoken = {
        name.id
        for node in tree
        if isinstance(node, ast.FunctionDef)
        for annotation in (node.returns, *(argument.annotation for argument in node.args.args + node.args.kwonlyargs))
        if annotation is not None
        for name in ast.walk(annotation)
        if isinstance(name, ast.Name)
    }
    imported = {
        alias.name: getattr(import_module(str(node.module)), alias.name)
        for node in tree
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    known = vars(module) | imported
    ours = {name for name in spoken if getattr(known.get(name), "__module__", "").startswith("mlx_convert_core")}
    assert ours
    assert ours <= set(plugin.__all__)


def test_a_name_that_has_moved_still_works_and_says_where_it_is() -> None:
    with pytest.warns(DeprecationWarning, match=r"Checkpoint is imported from mlx_convert_core\.plugin"):
        assert mlx_convert_core.Checkpoint is plugin.Checkpoint
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = mlx_convert_core.no_such_name
