"""What comes from outside reaches a page as text only: nothing that NiceGUI would read as more is built from it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import mlx_convert_ui
import pytest

# Methods that read their text as properties, styles, markup, template or script.
READ_AS_MORE = {
    *("props", "style", "classes", "default_props", "default_style", "default_classes", "run_method"),
    *("html", "markdown", "mermaid", "restructured_text", "add_slot", "interactive_image", "scene"),
    *(f"{verb}_{what}" for verb in ("run", "add") for what in ("javascript", "head_html", "body_html", "css", "scss")),
}
# Arguments by name that are read so whatever the method is: a handler of an event, a template, classes of our parts.
NAMED = {"js_handler", "template", "add", "remove", "toggle", "replace", "classes", "html", "sanitize"}
OUR_PARTS = {"Tag": (0, 2), "block": (0, 1), "card": (2,), "field": (2,)}  # where they take a tag and classes

# Not constant, and harmless.
OURS = {
    "classes": "a parameter of our parts, which are looked at where they are called",
    "tag": "the same",
    "_head(address_of(''), studio.theme)": "of constants and of a place that the guard makes up",
    "_SCRIPT % (spoken.direction, said)": "of our own files, as JSON without a <",
    "kind": "one of the roles of a turn",
    "level": "one of the levels of a note",
    "len(shown.columns)": "a number",
}
LINKS = {
    "location": "has a scheme that opens a page, see _arrived",
    "address": "an address_of, or https:// by its pattern",
    "link": "https://, see repository",
}


def test_nothing_variable_is_read_as_more_than_text() -> None:
    found = [_told(path, call) for path, call in _calls() if not all(map(_constant, _read_as_more(call)))]
    assert not found, "\n".join(found)


def test_names_of_attributes_are_constants_that_are_not_evaluated() -> None:
    """NiceGUI takes the value of an attribute whose name begins with a colon for script."""
    nodes = [(path, node) for path, node in _nodes() if path.name != "components.py"]  # which takes the names
    found = [_told(path, node) for path, node in nodes if not all(map(_plain_name, _names_in(node)))]
    assert not found, "\n".join(found)


def test_links_lead_to_our_pages_or_to_other_sites_and_run_nothing() -> None:
    links = [(path, call) for path, call in _calls() if _name(call) == "attribute" and _is(call.args[0], "href")]
    links += [(path, call) for path, call in _calls() if _name(call) == "link"]
    assert len(links) >= 5
    found = [
        _told(path, call)
        for path, call in links
        if not (_name(call.args[1]) == "address_of" or ast.unparse(call.args[1]) in LINKS)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "code",
    [
        "block('x').props(f'aria-label=\"{name}\"')",
        "ui.label(name).style('width: ' + name)",
        "block('x').classes(name)",
        "block('x').classes(add=name)",
        "block(f'row {name}')",
        "Tag('span', name, name)",
        "Tag('span', name, classes=f'badge-{name}')",
        "ui.run_javascript(f'open(\"{name}\")')",
        "ui.html(name)",
        "table.add_slot('body', template=f'<td>{name}</td>')",
        "box.on('click', go, js_handler=f'() => emit({name})')",
    ],
)
def test_the_tests_above_see_it(code: str) -> None:
    (call, *_) = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert not all(map(_constant, _read_as_more(call)))


@pytest.mark.parametrize(
    "code",
    ["x.attribute(name, 1)", "x.attribute(':title', name)", "x.props[name] = 1", "attributes(x, {name: 1})"],
)
def test_the_tests_above_see_names_of_attributes(code: str) -> None:
    names = [name for node in ast.walk(ast.parse(code)) for name in _names_in(node)]
    assert not all(map(_plain_name, names))


def _nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in Path(mlx_convert_ui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            yield path, node


def _calls() -> Iterator[tuple[Path, ast.Call]]:
    return ((path, node) for path, node in _nodes() if isinstance(node, ast.Call))


def _told(path: Path, node: ast.AST) -> str:
    return f"{path.name}:{getattr(node, 'lineno', '?')}: {ast.unparse(node)}"


def _name(node: ast.AST) -> str:
    """The name of what is called, "" for what is no call by name."""
    called = node.func if isinstance(node, ast.Call) else None
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _is(node: ast.AST, value: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def _read_as_more(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of ``call`` that NiceGUI, or the browser, reads as more than text."""
    name = _name(call)
    if name in READ_AS_MORE:
        yield from call.args[:1] if name == "run_method" else call.args
    elif name in OUR_PARTS:
        yield from (call.args[place] for place in OUR_PARTS[name] if place < len(call.args))
    if name in READ_AS_MORE or name in OUR_PARTS or name == "on":
        yield from (keyword.value for keyword in call.keywords if keyword.arg in NAMED)


def _constant(value: ast.expr) -> bool:
    """A literal, or made of constants (in capitals) and of what `OURS` names."""
    match value:
        case ast.JoinedStr(values=parts):
            return all(map(_constant, parts))
        case ast.FormattedValue(value=inner):
            return _constant(inner)
        case ast.IfExp(body=first, orelse=second):
            return _constant(first) and _constant(second)
        case ast.Name(id=name) if name.isupper():
            return True
        case ast.Attribute(attr="id"):
            return True
    return isinstance(value, ast.Constant) or ast.unparse(value) in OURS


def _names_in(node: ast.AST) -> Iterator[ast.expr]:
    """The names of attributes that ``node`` sets."""
    match node:
        case ast.Call(args=[name, *_]) if _name(node) == "attribute":
            yield name
        case ast.Call(args=[_, ast.Dict(keys=names)]) if _name(node) == "attributes":
            yield from (name for name in names if name is not None)
        case ast.Call(func=ast.Attribute(attr="update", value=ast.Attribute(attr="props" | "_props")), args=[values]):
            yield from [name for name in values.keys if name] if isinstance(values, ast.Dict) else [values]
        case ast.Subscript(value=ast.Attribute(attr="props" | "_props"), slice=name):
            yield name


def _plain_name(name: ast.expr) -> bool:
    return (
        isinstance(name, ast.Constant) and isinstance(name.value, str) and not name.value.startswith((":", "on", "v-"))
    )
