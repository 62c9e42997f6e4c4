"""A command in a hint can be pasted: every value in it is one word of the shell, whatever it is made of."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlx_convert_core.plugin import command, typed

ROOT = Path(__file__).parents[2]
SOURCES = ("mlx_convert_core", "plugins", "frontends")
NAMES = (
    "plain", "My Disk", "it's", 'a "b"', "$HOME", "`id`", "a;b", "a[x]b", "*", "?", "{a,b}", "~x", "-rf", "--yes", "#c",
    "%1", "=ls", "a\\b", "a\nb", "a\tb", "a'\n\\'b", "\x1b[31mred", "\x9b5m", "\u202eabc", "ümlaut", "u\u0308", " ",
)  # fmt: skip
SHELLS = [shell for shell in ("bash", "zsh") if shutil.which(shell)]


def words(shell: str, line: str) -> list[str]:
    """The words that ``shell`` makes of ``line``, after its own first one."""
    shown = subprocess.run([shell, "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    return shown.stdout.decode(errors="surrogateescape").split("\0")[:-1]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_reads_each_value_as_one_word(shell: str) -> None:
    assert words(shell, command("fixed words", *NAMES)) == ["fixed", "words", *NAMES]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_byte_that_is_no_text_comes_back(shell: str) -> None:
    assert words(shell, command("fixed", "m\udcfcnchen")) == ["fixed", "m\udcfcnchen"]


@given(name=st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=20))
def test_a_command_is_one_line_that_a_terminal_shows_as_it_is(name: str) -> None:
    assert command("mlx-convert convert", name, "--preset", "4bit").isprintable()


def test_every_posix_shell_reads_what_can_be_shown() -> None:
    names = [name for name in NAMES if name.isprintable()]
    assert words("sh", command("fixed", *names)) == ["fixed", *names]


def test_a_path_below_home_begins_with_a_tilde_that_the_shell_fills_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "My Disk" / "it's"
    assert typed(path).startswith("~/")
    assert words("sh", typed(path)) == [str(path)]


@pytest.mark.parametrize(("name", "shown"), [("-x", "./-x"), ("~x", "'./~x'"), ("a", "./a"), ("models/a", "models/a")])
def test_a_path_is_never_an_option_nor_a_name(name: str, shown: str) -> None:
    assert typed(Path(name)) == shown


def test_an_absolute_path_stays_whole() -> None:
    assert typed(Path("/tmp/a b")) == "'/tmp/a b'"


# What comes before a value that a shell will read.
PROGRAMS = r"mlx-convert|mlx_lm\.\w+|hf (?:download|auth)|git \w+|cd|(?:pip|uv|pipx) (?:tool |pip )?(?:install|inject)"
IN_COMMAND = re.compile(rf"(?:\b(?:{PROGRAMS}) [^.,;:`()]*|(?:^|[ `(:])--[a-z-]+[ =][\w:]*)$")
QUOTING = ("command", "typed", "install_command", "_typed")


def unquoted(text: ast.JoinedStr) -> Iterator[str]:
    """The values that are put into a command of ``text`` as they are; a number says so with ``:d``."""
    before = ""
    for part in text.values:
        if isinstance(part, ast.Constant):
            before += part.value
            continue
        assert isinstance(part, ast.FormattedValue)
        name = part.value.func if isinstance(part.value, ast.Call) else None
        number = part.format_spec is not None and ast.unparse(part.format_spec) == "f'd'"
        if IN_COMMAND.search(before) and not number and not (isinstance(name, ast.Name) and name.id in QUOTING):
            yield ast.unparse(part.value)
        before += "VALUE"


def test_the_search_finds_a_value_in_a_command() -> None:
    def found(code: str) -> list[str]:
        tree = ast.parse(code)
        return [one for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for one in unquoted(node)]

    assert found("f'Forget it: mlx-convert library remove {name} --yes'") == ["name"]
    assert found("f'choose another: --output {path}-2'") == ["path"]
    assert found("f'(`hf download {repo} --local-dir {folder}`)'") == ["repo", "folder"]
    assert not found("f'Say {command(\"mlx-convert upload\", path)}, not {other}.'")
    assert not found("f'--seed {seed:d}'")


def test_every_value_in_a_command_is_quoted() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {value}"
        for source in SOURCES
        for path in sorted((ROOT / source).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr)
        for value in unquoted(node)
    ]
    assert found == []
