"""What comes from outside reaches a page as text only: nothing that NiceGUI would read as more is built from it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import mlx_convert_ui

# Methods that read their text as properties, styles, markup or script; `components.attributes` sets plain values.
READ_AS_MORE = {"props", "style", "default_props", "default_style", "html", "markdown", "add_slot"} | {
    f"{verb}_{what}" for verb in ("run", "add") for what in ("javascript", "head_html", "body_html", "css")
}
OURS = {"fonts + sheets", "_no_flash(studio.theme)"}  # made of constants of ours


def test_nothing_variable_is_read_as_more_than_text() -> None:
    found = [f"{path.name}:{call.lineno}: {ast.unparse(call)}" for path, call in _calls() if not _harmless(call)]
    assert not found, "\n".join(found)


def _calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in Path(mlx_convert_ui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READ_AS_MORE:
                yield path, node


def _harmless(call: ast.Call) -> bool:
    return all(_constant(argument) for argument in call.args)


def _constant(value: ast.expr) -> bool:
    """A literal, or an f-string of constants (in capitals) and of numbers that NiceGUI gives its elements."""
    if isinstance(value, ast.JoinedStr):
        return all(_constant(part) for part in value.values)
    if isinstance(value, ast.FormattedValue):
        inner = value.value
        return (isinstance(inner, ast.Name) and inner.id.isupper()) or ast.unparse(inner).endswith(".id")
    return isinstance(value, ast.Constant) or ast.unparse(value) in OURS
