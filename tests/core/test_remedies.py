"""The next step as data: no text of the core or of a plugin speaks to one frontend, and remedies travel with errors."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mlx_convert_core import Finding, InvalidRequest
from mlx_convert_core.base import codec
from mlx_convert_core.plugin import ErrorInfo, Replace, Report, RunCommand, SetOption, finding_of
from mlx_convert_core.remedies import Remedy

ROOT = Path(__file__).parents[2]
# What is about the command line by nature: what explains it, makes commands, or is read at a terminal.
EXEMPT = (
    "mlx_convert_core/explanations/",
    "mlx_convert_core/remedies.py",
    "mlx_convert_core/base/installing.py",
    "plugins/mlx_convert_lm/tokenizers/tokenizer_json.py",  # an argument of its own child process
    "plugins/mlx_convert_hub/card/",
    "plugins/mlx_convert_lm/commands.py",
    "plugins/mlx_convert_gguf/tokenizers/splitters.py",  # how texts are cut, as regular expressions
)
FILES = [
    path
    for folder in ("mlx_convert_core", "plugins")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not str(path.relative_to(ROOT)).startswith(EXEMPT)
]
# An option, a command of ours, or anything set as code.
_OURS = "convert|plan|library|queue|upload|account|doctor|presets|plugins|recipe|chat|generate|compare|conversations"
SPOKEN = re.compile(rf"(?:^|[\s(\"'`])--[a-z]|\bmlx-convert (?:{_OURS})\b|`")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every string of a module but docstrings and what is handed to another program (`RunElsewhere`, `command`)."""
    tree = ast.parse(path.read_text())
    spared: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            spared.add(id(node.value))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("RunElsewhere", "command", "RunCommand"):
            spared.update(id(inner) for inner in ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spared:
            yield node.lineno, node.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_speaks_to_one_frontend(path: Path) -> None:
    assert not [f"{line}: {text}" for line, text in texts(path) if SPOKEN.search(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Replace it with --force, or not",
        "--output PATH",
        "See `mlx-convert presets`.",
        "Make one: mlx-convert recipe export MODEL",
        "run mlx-convert doctor",
    ],
)
def test_the_test_sees_what_speaks_to_the_terminal(text: str) -> None:
    assert SPOKEN.search(text)


def test_every_remedy_is_the_same_after_json() -> None:
    for kind in Remedy.__args__:
        fields = {
            field.name: ("a",) if field.type == tuple[str, ...] else "a" for field in msgspec.structs.fields(kind)
        }
        remedy = RunCommand("presets", ("a",)) if kind is RunCommand else kind(**fields)
        plain = codec.plain(remedy)
        assert plain["do"]
        assert codec.from_plain(plain, Remedy) == remedy


def test_an_error_keeps_its_remedies_across_processes_and_as_a_finding() -> None:
    remedies = (Replace(), SetOption("group_size", 32))
    error = InvalidRequest("no.", hint="Do this.", remedies=remedies, code="some")
    assert pickle.loads(pickle.dumps(error)).remedies == remedies
    sent = codec.decode(codec.to_json(ErrorInfo.of(error)), ErrorInfo)
    assert sent.exception().remedies == remedies
    assert finding_of(sent) == Finding(code="some", level="error", message="no.", hint="Do this.", remedies=remedies)


def test_a_defect_is_to_be_reported() -> None:
    assert ErrorInfo.of(ZeroDivisionError("x")).remedies == (Report(),)
