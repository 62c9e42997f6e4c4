"""Every text that a person reads in the app goes through the catalogue."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from messages import CODE, calls, sources
from untold import untold

# Names, which are the same in every language, and what only reads like a text.
NAMES = {
    *("MLX Convert", " · MLX Convert", "MLX and mlx-lm", "Hugging Face", "NiceGUI", "Python", "Markdown", "Repository"),
    *("~/models", "…"),
    *("Inter", "JetBrains Mono", "Lucide", "SIL Open Font License 1.1", "BSD 3-Clause", "Inter, system-ui, sans-serif"),
    *("Control+K Meta+K", "btn btn-", "badge badge-", "/Volumes", "Project-URL", "noopener noreferrer", "hf"),
    *("mlx-convert plugins new NAME", "mlx-convert convert", "linear-gradient(to right, ", " | "),
}
MARKUP = ("<", "M6 9", "M18 6", "(event)", "\n<script")
# What is said in the terminal, or before anybody's page.
ELSEWHERE = ("__init__.py", "shell/", "widgets/prompts.py")

FILES = [path for path in sources() if path.suffix == ".py"]
IDS = [path.relative_to(CODE).as_posix() for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_every_text_goes_through_the_catalogue(path: Path) -> None:
    if path.relative_to(CODE).as_posix().startswith(ELSEWHERE):
        return
    found = [one for one in untold(ast.parse(path.read_text(encoding="utf-8"))) if not _allowed(one[1])]
    assert not found, "\n".join(f"line {line}: {text!r}" for line, text in found)


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_message_is_a_constant_whose_places_are_filled(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for call in calls(tree):
        assert not any(isinstance(one, ast.JoinedStr | ast.BinOp) for one in call.args[:1]), ast.unparse(call)
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    if any(True for _call in calls(tree)):
        assert "_" not in names, "`_` is what says a message here: call what is thrown away `_rest`"


@pytest.mark.parametrize(
    "code",
    [
        'Button("Convert")',
        'Button("", label="remove")',
        'Tag("span", f"{size} free")',
        'Tag("span", "done" if ready else "failed")',
        'confirm("Really?", "It goes.", action="Go")',
        'note("error", "nothing came", hint)',
        "block('x').props('aria-label=Pages')",
        "block('x').props(f'aria-label=\"Steps of {x}\"')",
        'attributes(x, {"aria-label": "steps"})',
        'x.attribute("title", "more")',
        'return "Nothing was measured yet."',
        '_TITLES = {True: "Only me"}',
        'text = "Stopped before the first word" if stopped else ""',
        "ui.notify(f'{name} is gone')",
    ],
)
def test_the_test_above_sees_it(code: str) -> None:
    assert [*untold(ast.parse(code if not code.startswith("return") else f"def f():\n    {code}"))]


@pytest.mark.parametrize(
    "code",
    [
        'Button(_("Convert"), icon="wand-sparkles", classes="btn-small").mark("Convert it")',
        'Tag("span", f"{size} · {name}", "card card-list")',
        '"""A docstring."""',
        'if kind == "Not a text of ours": pass',
        'block("note note-error").props("role=status")',
        'x: Literal["Some such"] = y',
    ],
)
def test_the_test_above_leaves_it_alone(code: str) -> None:
    assert not [*untold(ast.parse(code))]


def _allowed(text: str) -> bool:
    return text in NAMES or text.startswith(MARKUP)
