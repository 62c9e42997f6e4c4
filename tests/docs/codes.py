"""Every code that our source gives an error or a finding, found by reading it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mlx_convert_lm.packers import CARRIED, OTHERS

ROOT = Path(__file__).parents[2]
SOURCES = ("mlx_convert_core", "plugins", "frontends")
FOREIGN = ("plugin_template",)  # becomes somebody else's
EXPLAINED = "mlx_convert_core/explanations/row.py"  # the class of the rows that are compared with what is found here
# Where a code is handed on that a reader of one expression can't see: the function, and the codes that it makes.
_PACKED = {"quant_unknown", *(f"source_{method.replace('-', '_')}" for method in (*CARRIED, *OTHERS))}
HANDED_ON: dict[str, set[str]] = {
    "plugins/mlx_convert_lm/config/differences.py:refuse": {"own_head", "rope_differs", "activation_differs"},
    "plugins/mlx_convert_lm/config/differences.py:warn": {"own_head", "rope_differs", "window_differs"},
    "plugins/mlx_convert_lm/findings.py:_refused": _PACKED | {"source_fp8"},
    "plugins/mlx_convert_lm/handing.py:reason": _PACKED,
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Trees = dict[str, ast.Module]


@dataclass
class Codes:
    """``found``: each code and the files that give it. ``unclear``: places where it can't be told which."""

    found: dict[str, set[str]] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)

    def add(self, codes: Iterable[str], place: str) -> None:
        for code in codes:
            self.found.setdefault(code, set()).add(place)


def codes_in(root: Path = ROOT) -> Codes:
    """Read all of our source below ``root``."""
    trees = {
        str(path.relative_to(root)): ast.parse(path.read_text(encoding="utf-8"))
        for source in SOURCES
        for path in sorted((root / source).rglob("*.py"))
        if not set(FOREIGN) & set(path.parts)
    }
    codes = Codes()
    for file, tree in trees.items():
        codes.add(_defaults(tree), file)
        for place in _places(file, trees):
            values = _values(place.expression, place, trees)
            if values is None:
                values = HANDED_ON.get(f"{file}:{place.function.name if place.function else ''}")
            if values is None:
                codes.unclear.append(f"{file}:{place.expression.lineno}: {ast.unparse(place.expression)}")
            codes.add(values or (), file)
    return codes


@dataclass(frozen=True)
class Place:
    """An expression that is given as a code, and where."""

    expression: ast.expr
    function: Function | None
    file: str


def _defaults(tree: ast.Module) -> Iterator[str]:
    """``default_code = "x"`` in the body of a class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if "default_code" in {ast.unparse(target) for target in targets}:
                yield str(node.value.value)


def _places(file: str, trees: Trees) -> Iterator[Place]:
    """``code=x`` in a call, and ``x`` at the place of the field ``code`` of a class of ours."""
    tree = trees[file]
    fields = _fields(tree) | {
        name.name: _fields(trees[source])[name.name]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (source := _file_of(node, trees)) and source != EXPLAINED
        for name in node.names
        if name.name in _fields(trees[source])
    }
    for called, node, function in _calls(tree):
        for keyword in node.keywords:
            if keyword.arg == "code":
                yield Place(keyword.value, function, file)
        names = fields.get(called, [])
        if "code" in names and len(node.args) > names.index("code"):
            yield Place(node.args[names.index("code")], function, file)


@cache
def _fields(tree: ast.Module) -> dict[str, list[str]]:
    """The fields of each class of a file, in order."""
    return {
        node.name: [ast.unparse(item.target) for item in node.body if isinstance(item, ast.AnnAssign)]
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


def _file_of(node: ast.ImportFrom, trees: Trees) -> str:
    """The file that is imported from, "" when it is none of ours."""
    path = (node.module or "").replace(".", "/") + ".py"
    return next((f"{source}{path}" for source in ("", "plugins/", "frontends/") if f"{source}{path}" in trees), "")


@cache
def _calls(tree: ast.Module) -> list[tuple[str, ast.Call, Function | None]]:
    """Each call: what is called, the call, and the function that it stands in."""
    found = _with_functions(tree, None)
    return [(ast.unparse(node.func), node, function) for node, function in found if isinstance(node, ast.Call)]


def _with_functions(node: ast.AST, function: Function | None) -> Iterator[tuple[ast.AST, Function | None]]:
    for child in ast.iter_child_nodes(node):
        inner = child if isinstance(child, Function) else function
        yield child, inner
        yield from _with_functions(child, inner)


def _values(expression: ast.expr, place: Place, trees: Trees) -> set[str] | None:
    """The codes that an expression may be; none for what was given a code elsewhere; None when it can't be told."""
    match expression:
        case ast.Constant(value=str(code)):
            return {code}
        case ast.Constant() | ast.Attribute():
            return set()
        case ast.IfExp(body=body, orelse=orelse):
            return _union(_values(part, place, trees) for part in (body, orelse))
        case ast.Name(id=name) if place.function is not None:
            handed = _handed_in(name, place.function, place.file, trees)
            return handed if handed is not None else _from_table(name, place.function, trees[place.file])
    return None


def _union(parts: Iterable[set[str] | None]) -> set[str] | None:
    found = list(parts)
    return None if None in found else set().union(*filter(None, found))


def _handed_in(name: str, function: Function, file: str, trees: Trees) -> set[str] | None:
    """The codes that the callers of ``function`` give as its parameter ``name``, its default included."""
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    if name not in (*names, *(argument.arg for argument in arguments.kwonlyargs)):
        return None
    given = [value for key, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if key.arg == name]
    given += arguments.defaults[names.index(name) - len(names) :][:1] if _has_default(name, names, arguments) else []
    index = names.index(name) - (names[:1] == ["self"]) if name in names else -1
    parts = [_values(value, Place(value, function, file), trees) for value in given if value is not None]
    for other, tree in trees.items():
        if other != file and function.name.startswith("_"):
            continue
        for called, node, caller in _calls(tree):
            if called.rpartition(".")[2] == function.name:
                values = [keyword.value for keyword in node.keywords if keyword.arg == name]
                values += node.args[index : index + 1] if index >= 0 else []
                parts += [_values(value, Place(value, caller, other), trees) for value in values]
    return _union(parts)


def _has_default(name: str, names: list[str], arguments: ast.arguments) -> bool:
    return name in names and names.index(name) >= len(names) - len(arguments.defaults)


def _from_table(name: str, function: Function, tree: ast.Module) -> set[str] | None:
    """The codes that ``name`` takes in a loop over a table of the module: ``for a, name, b in TABLE``."""
    for loop in ast.walk(function):
        if isinstance(loop, ast.For | ast.comprehension) and isinstance(loop.target, ast.Tuple):
            names = [ast.unparse(part) for part in loop.target.elts]
            if name in names:
                rows = _table(ast.unparse(loop.iter), tree)
                return {row.elts[names.index(name)].value for row in rows}  # type: ignore[attr-defined]
    return None


def _table(name: str, tree: ast.Module) -> list[ast.Tuple]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(target is not None and ast.unparse(target) == name for target in targets):
            return [row for row in node.value.elts if isinstance(row, ast.Tuple)]  # type: ignore[union-attr, attr-defined]
    return []
