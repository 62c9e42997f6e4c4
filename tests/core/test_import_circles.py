"""Modules don't know each other in circles, also not by imports for types alone or inside of a function."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("mlx_convert_core", "plugins", "frontends")
ROOTS = (ROOT / "plugins/mlx-convert-vlm/src", ROOT / "plugins", ROOT / "frontends", ROOT)


def test_no_two_modules_know_each_other() -> None:
    modules = {_name(path): path for folder in SOURCES for path in sorted((ROOT / folder).rglob("*.py"))}
    assert len(modules) > 500
    graph = {name: set(_known(path, name, modules)) for name, path in modules.items()}
    assert sum(map(len, graph.values())) > 2000
    assert _circle(graph) == []


def test_a_circle_is_found_whatever_kind_of_import_closes_it(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from two import Two\n")
    two.write_text("def two():\n    import one\n")
    modules = {"one": one, "two": two}
    assert set(_circle({name: set(_known(path, name, modules)) for name, path in modules.items()})) == {"one", "two"}


def _name(path: Path) -> str:
    root = next(root for root in ROOTS if path.is_relative_to(root))
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _known(path: Path, name: str, modules: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [module if module in modules else str(node.module) for module in whole]
        else:
            continue
        yield from (module for module in found if module in modules and module != name)


def _circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
