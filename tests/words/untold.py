"""Texts in the app's code that a person would read, and that no translation reaches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from messages import SAYING

# By the function that is called: where it takes a text (its positions), and which of its names are texts.
TEXTS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("card", "field", "facts", "confirm", "decide"), (0, 1)),
    **dict.fromkeys(("Tag", "tooltip"), (1,)),
    **dict.fromkeys(("note", "empty"), (1, 2)),
    **dict.fromkeys(("Button", "Badge", "waiting", "show", "label", "notify", "notification", "progress_bar"), (0,)),
    **dict.fromkeys(("switch", "checkbox", "help_mark", "page_title", "sentence"), (0,)),
    **dict.fromkeys(("frame",), (2, 3)),
}
NAMES = {"label", "tip", "title", "hint", "text", "action", "other", "placeholder", "message", "about", "subtitle"}
ATTRIBUTES = {"aria-label", "data-name", "title", "placeholder", "data-tip", "alt", "label", "hint", "aria-description"}
IN_PROPS = re.compile(rf"(?<![\w-])({'|'.join(sorted(ATTRIBUTES))})=[\"']?(?P<text>[^\"']*[A-Za-z]{{2}})")
# Calls whose texts are names, styles, scripts: nobody reads them on a page.
SILENT = {
    *("props", "style", "classes", "mark", "on", "query", "compile", "getLogger", "block", "attribute", "page"),
    *("add_head_html", "run_javascript", "add_static_files", "startswith", "endswith", "getattr", "setattr", "get"),
    *("Literal", "Path", "exec_driver", "cast", "TypeVar", "Thread", "create", "environ", "io_bound", "split", "strip"),
    *("removeprefix", "removesuffix", "replace", "join", "partition", "rpartition", "warn", "print", "strftime", "sub"),
    *("fullmatch", "search", "match", "findall", "option", "argument", "AssertionError", "RuntimeError", "ValueError"),
}
SILENT_NAMES = {
    "classes",
    "icon",
    "kind",
    "tag",
    "code",
    "name",
    "js_handler",
    "template",
    "component",
    "place",
    "help",
}
_WORDS = re.compile(r"[A-Z][a-z]+ ?[a-z]|[A-Za-z]{2,}[,.;:]? [a-z]|^[A-Z][a-z]+$|…")  # a sentence, a title
_LETTERS = re.compile(r"[A-Za-z]{2}")


def untold(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of each string that is read on a page and goes through no catalogue."""
    yield from _Reader().read(tree)


class _Reader:
    """Walks the code; ``_strict`` where whatever has letters is a text, else only what reads like one."""

    def read(self, node: ast.AST, *, strict: bool = False) -> Iterator[tuple[int, str]]:
        match node:
            case ast.Call():
                yield from self._call(node)
            case ast.Constant(value=str(text)):
                if (_LETTERS if strict else _WORDS).search(text):
                    yield node.lineno, text
            case ast.JoinedStr():
                for part in node.values:
                    inner = part.value if isinstance(part, ast.FormattedValue) else part
                    yield from self.read(inner, strict=strict)
            case ast.IfExp():
                yield from self.read(node.test)
                yield from self.read(node.body, strict=strict)
                yield from self.read(node.orelse, strict=strict)
            case ast.BoolOp() | ast.BinOp(op=ast.Add()):
                for inner in ast.iter_child_nodes(node):
                    yield from self.read(inner, strict=strict)
            case ast.Dict():
                yield from self._dict(node)
            case ast.Expr(value=ast.Constant()) | ast.Compare() | ast.Subscript() | ast.AnnAssign(value=None):
                return  # a docstring, or what is compared and looked up
            case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=str(name)))]) if name in ATTRIBUTES:
                yield from self.read(node.value, strict=True)
            case ast.MatchValue():
                return
            case ast.Assign(targets=[ast.Name(id=name)]) if name.lstrip("_").startswith(("ESC", "PATTERN", "SCRIPT")):
                return
            case _:
                skipped = _unread(node)
                for inner in ast.iter_child_nodes(node):
                    if inner not in skipped:
                        yield from self.read(inner)

    def _call(self, call: ast.Call) -> Iterator[tuple[int, str]]:
        name = _name(call)
        if name in SAYING:
            return
        yield from self.read(call.func)
        texts = TEXTS.get(name, ())
        for place, argument in enumerate(call.args):
            if place in texts:
                yield from self.read(argument, strict=True)
            elif name == "props":
                yield from _in_props(argument)
            elif name not in SILENT and not (texts and isinstance(argument, ast.Constant)):
                yield from self.read(argument)
            elif name == "attribute" and place == 1 and _is_attribute(call.args[0]):
                yield from self.read(argument, strict=True)
            elif not isinstance(argument, ast.Constant | ast.JoinedStr):
                yield from self.read(argument)
        for keyword in call.keywords:
            if keyword.arg not in SILENT_NAMES:
                yield from self.read(keyword.value, strict=keyword.arg in NAMES and keyword.arg is not None)

    def _dict(self, node: ast.Dict) -> Iterator[tuple[int, str]]:
        for key, value in zip(node.keys, node.values, strict=True):
            yield from self.read(value, strict=key is not None and _is_attribute(key))


def _in_props(argument: ast.expr) -> Iterator[tuple[int, str]]:
    parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
    text = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
    yield from ((argument.lineno, found["text"]) for found in IN_PROPS.finditer(text))


def _unread(node: ast.AST) -> list[ast.AST]:
    """The parts of ``node`` that are types."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [one for one in (node.returns,) if one is not None]
        case ast.arg() if node.annotation is not None:
            return [node.annotation]
        case ast.AnnAssign():
            return [node.annotation]
    return []


def _is_attribute(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in ATTRIBUTES


def _name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
