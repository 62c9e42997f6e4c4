"""The texts of errors, findings and hints, out of the code of the core and its plugins, for translators to fill.

They are plain English where they are raised: constants and f-strings, put together by helpers. A sentence is followed
to the values that it is made of: a constant of a module, a part that a helper gives or is given, one of two words. What
is left is a value of a person's, a named place: ``{name} is cut short: it should have {expected} and has {size}.``
"""

from __future__ import annotations

import ast
import importlib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType

from mlx_convert_ui.words.po import Entry
from mlx_convert_ui.words.texts import PLACE, literals_of

from mlx_convert_core import refusals

ROOT = Path(__file__).parents[2]
OURS = (
    "mlx_convert_core",
    *(f"plugins/mlx_convert_{name}" for name in ("engine", "gguf", "hub", "library", "lm", "quality")),
)
# What no page shows as an error: documentation, cards of models, checks of other programs, what tests need.
ELSEWHERE = re.compile(r"/(explanations|contract|card)/|/(presets|testing|commands|__main__|tokenizers/proof)\.py$")
NOT_SAID = ("What is the capital of France?",)  # a question to a model
MOST = 64  # ways in which one sentence may come out; of more, its parts are left as values
DEEPEST = 4  # helpers in helpers
LETTERS = 8  # of ours in a sentence, at least: one of values alone would fit too much
_SENTENCE = re.compile(r"\s.*[.?!]$", re.DOTALL)
_WORD = re.compile(r"[a-z]+\.")  # cancelled.
_FILLED_LATER = re.compile(r"\{(\w+)\}")

Text = tuple[str, ...]  # ours and values in turn: even ones are letters of ours, odd ones names of values


@cache
def extracted() -> tuple[Entry, ...]:
    """Every sentence, by file and then by its text; the same with other names for its values comes once."""
    found: dict[tuple[str, ...], Entry] = {}
    for path in _paths():
        place = path.relative_to(ROOT).as_posix()
        for message in (*_Module(path).sentences(), *(_refused() if path.name == "refusals.py" else ())):
            known = found.setdefault(literals_of(message), Entry(message=message, places=(place,)))
            if place not in known.places:
                found[literals_of(message)] = replace(known, places=(*known.places, place))
    return tuple(sorted(found.values(), key=lambda entry: (entry.places[0], entry.message)))


def _paths() -> Iterator[Path]:
    for folder in OURS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not ELSEWHERE.search(path.relative_to(ROOT).as_posix()):
                yield path


def _refused() -> Iterator[str]:
    """What the system refuses is said after the name of a path, or alone."""
    for row in refusals._TABLE.values():
        yield f"can't use {{filename}}: {row.message}."
        yield f"{row.message}."


@dataclass(frozen=True, slots=True)
class _Scope:
    """A function of a module: what its names stand for. ``depth`` counts the helpers that led here."""

    function: ast.FunctionDef | None = None
    depth: int = 0
    seen: frozenset[str] = field(default_factory=frozenset)

    def deeper(self, function: ast.FunctionDef | None) -> _Scope:
        return _Scope(function, self.depth + 1)

    def without(self, name: str) -> _Scope:
        return replace(self, seen=self.seen | {name})


class _Module:
    """The sentences of a file."""

    def __init__(self, path: Path) -> None:
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._module = _imported(path)
        self._functions = {node.name: node for node in ast.walk(self._tree) if isinstance(node, ast.FunctionDef)}
        self._holders: dict[ast.AST, ast.FunctionDef] = {}
        for function in self._functions.values():  # outer ones first: an inner one takes what is its own
            self._holders |= dict.fromkeys(ast.walk(function), function)

    def sentences(self) -> Iterator[str]:
        filled = self._filled()
        for expression, asked in _outermost(self._tree):
            for text in self._read(expression, _Scope(self._holders.get(expression))):
                for message in _filled_in(_message(text), filled):
                    if _is_sentence(message, asked=asked):
                        yield message.strip()

    def _filled(self) -> dict[str, list[str]]:
        """What the places of a table may hold that are parts of a sentence, by name."""
        if self._module.__name__.startswith("mlx_convert_hub.trouble"):
            return _of_the_hub()
        return {}

    def _read(self, node: ast.expr | None, scope: _Scope) -> list[Text]:
        """The ways in which ``node`` comes out; none for what is no text at all, as None is."""
        match node:
            case ast.Constant(value=str(text)):
                return [(text,)]
            case None | ast.Constant():
                return []
            case ast.JoinedStr():
                return self._joined([self._part(one, scope) for one in node.values])
            case ast.BinOp(op=ast.Add()):
                return self._joined([self._read(node.left, scope), self._read(node.right, scope)])
            case ast.IfExp():
                return [*self._read(node.body, scope), *self._read(node.orelse, scope)]
            case ast.BoolOp():
                return [text for one in node.values for text in self._read(one, scope)]
            case ast.Name(id=name):
                return self._named(name, scope)
            case (
                ast.Call(func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name))
                | ast.Attribute(value=ast.Name(id="self"), attr=name)
            ) if name in self._functions and scope.depth < DEEPEST:
                return _if_texts(self._returned(self._functions[name], scope), node)
        constant = self._constant(node)
        return [(constant,)] if constant is not None else [("", name_of(node))]

    def _part(self, node: ast.expr, scope: _Scope) -> list[Text]:
        if not isinstance(node, ast.FormattedValue):
            return self._read(node, scope)
        constant = self._constant(node.value, node.format_spec)
        return [(constant,)] if constant is not None else self._read(node.value, scope)

    def _named(self, name: str, scope: _Scope) -> list[Text]:
        function = scope.function
        if function is not None and name not in scope.seen and scope.depth < DEEPEST:
            inner = scope.without(name)
            given = [value for node in ast.walk(function) for value in _assigned(node, name)]
            if given:
                return _if_texts([text for value in given for text in self._read(value, inner)], ast.Name(name))
            if name in _parameters(function):
                return _if_texts(self._handed(function, name, inner), ast.Name(name))
        constant = self._constant(ast.Name(name))
        return [(constant,)] if constant is not None else [("", name)]

    def _handed(self, function: ast.FunctionDef, name: str, scope: _Scope) -> list[Text]:
        """What the calls of ``function`` in this file give for its parameter ``name``."""
        at = _parameters(function).index(name)
        found: list[Text] = []
        for call in ast.walk(self._tree):
            if isinstance(call, ast.Call) and _called(call) == function.name:
                named = [one.value for one in call.keywords if one.arg == name]
                value = named[0] if named else call.args[at] if at < len(call.args) else None
                found += self._read(value, scope.deeper(self._holders.get(call)))
        return found

    def _returned(self, function: ast.FunctionDef, scope: _Scope) -> list[Text]:
        ends = (node for node in ast.walk(function) if isinstance(node, ast.Return | ast.Yield))
        return [text for node in ends for text in self._read(node.value, scope.deeper(function))]

    def _constant(self, node: ast.expr, spec: ast.expr | None = None) -> str | None:
        """A text or a number that a module names in capitals."""
        match node:
            case ast.Name(id=name):
                value = getattr(self._module, name, None) if name.lstrip("_")[:1].isupper() else None
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name.isupper():
                value = getattr(getattr(self._module, module, None), name, None)
            case _:
                return None
        told = "".join(str(one.value) for one in spec.values if isinstance(one, ast.Constant)) if spec else ""
        return format(value, told) if isinstance(value, str | int | float) else None

    @staticmethod
    def _joined(parts: list[list[Text]]) -> list[Text]:
        if any(not ways for ways in parts):
            return []
        while _ways(parts) > MOST:
            most = max(range(len(parts)), key=lambda number: len(parts[number]))
            parts[most] = [("", "more")]
        return [_concatenated(ways) for ways in itertools.product(*parts)]


def _if_texts(found: list[Text], node: ast.expr) -> list[Text]:
    """``found`` where it is words of ours, else a value of this name; a single word beside values is one of them."""
    unique = [*dict.fromkeys(found)]
    values = [text for text in unique if len(text) > 1 and not any(map(str.isalpha, "".join(text[::2])))]
    if values:
        unique = [text for text in unique if text not in values and (" " in "".join(text) or not any(text))]
    spoken = [text for text in unique if any(map(str.isalpha, "".join(text[::2])))]
    if not spoken or len(unique) > MOST:
        return [("", name_of(node))]
    return [*unique, *([("", name_of(node))] if values else [])]


def _concatenated(ways: Iterable[Text]) -> Text:
    """One text; of two values side by side nobody can tell which is which, and they are one."""
    parts = [""]
    for text in ways:
        for at, part in enumerate(text):
            if at % 2 == 0:
                parts[-1] += part
            elif len(parts) > 1 and not parts[-1]:
                pass
            else:
                parts += [part, ""]
    return tuple(parts)


def _message(text: Text) -> str:
    """With its values in braces, each by a name of its own."""
    names: list[str] = []
    said = []
    for at, part in enumerate(text):
        if at % 2:
            number = 1 + sum(name.rstrip("0123456789") == part for name in names)
            names.append(part if number == 1 else f"{part}{number}")
            said.append(f"{{{names[-1]}}}")
        else:
            said.append(part)
    return "".join(said)


def _is_sentence(message: str, *, asked: bool) -> bool:
    """Whether it may be said by itself, or beside others; what ends with a space is a part of one."""
    letters = sum(map(str.isalpha, "".join(literals_of(message))))
    if letters < LETTERS or message.endswith(" ") or ": ." in message or message in NOT_SAID:
        return False
    return bool(_SENTENCE.search(message) or _WORD.fullmatch(message)) or (asked and " " in message)


def _filled_in(message: str, filled: dict[str, list[str]]) -> Iterator[str]:
    """``message`` of a table, whose places are filled by name or number later."""
    message = _FILLED_LATER.sub(lambda found: f"{{value{found[1]}}}" if found[1].isdigit() else found[0], message)
    names = [name for name in PLACE.findall(message) if name in filled]
    for parts in itertools.product(*(filled[name] for name in names)):
        said = message
        for name, part in zip(names, parts, strict=True):
            said = said.replace(f"{{{name}}}", part)
        yield said


@cache
def _of_the_hub() -> dict[str, list[str]]:
    module = _Module(ROOT / "plugins/mlx_convert_hub/trouble/explain.py")
    values = module._functions["_values"]
    table = next(node for node in ast.walk(values) if isinstance(node, ast.Dict))
    found = {}
    for key, value in zip(table.keys, table.values, strict=True):
        assert isinstance(key, ast.Constant)
        if key.value in ("renew", "again", "mirror", "wait"):
            found[key.value] = [_message(text) for text in module._read(value, _Scope(values))]
    return found


def _outermost(tree: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """Each expression that is a text, and whether it is asked for as a message or a hint."""
    stack: list[tuple[ast.AST, bool]] = [(tree, False)]
    while stack:
        node, asked = stack.pop()
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Compare() | ast.Subscript():
                continue  # a docstring, or what is looked for
            case ast.Constant(value=str()) | ast.JoinedStr() | ast.BinOp(op=ast.Add()):
                yield node, asked
                continue
        for inner in ast.iter_child_nodes(node):
            stack.append((inner, isinstance(node, ast.keyword) and node.arg in ("hint", "message")))


def _ways(parts: list[list[Text]]) -> int:
    number = 1
    for ways in parts:
        number *= len(ways)
    return number


def _assigned(node: ast.AST, name: str) -> Iterator[ast.expr]:
    match node:
        case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
            yield value
        case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
            yield value
        case ast.NamedExpr(target=ast.Name(id=target), value=value) if target == name:
            yield value


def _parameters(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    named = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
    return [*(named[1:] if named[:1] == ["self"] else named), *(one.arg for one in arguments.kwonlyargs)]


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def name_of(node: ast.expr) -> str:
    """What a translator reads in place of the value of ``node``."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            found = name
        case ast.Call(args=[inner, *_rest]) if isinstance(inner, ast.Name | ast.Attribute | ast.Call):
            found = name_of(inner)
        case ast.Call(func=func):
            found = name_of(func)
        case ast.Subscript(value=inner):
            found = name_of(inner)
        case _:
            found = "value"
    return re.sub(r"[^a-z_]", "", found.lower()).strip("_") or "value"


@cache
def _imported(path: Path) -> ModuleType:
    relative = path.relative_to(ROOT)
    parts = relative.parts[1:] if relative.parts[0] == "plugins" else relative.parts
    name = ".".join(parts).removesuffix(".py").removesuffix(".__init__")
    return importlib.import_module(name)
