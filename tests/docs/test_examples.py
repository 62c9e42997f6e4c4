"""The Python of README and docs is run, and their command lines name commands and options that exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from mlx_convert_cli.main import cli
from pages import PAGES, ROOT, blocks, sections

from mlx_convert_core import ConvertRequest, Workspace

README = sections(ROOT / "README.md")


def test_the_python_example_of_the_readme(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = blocks(README["From Python"], "python")
    assert len(block.text.splitlines()) == 10
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text.replace("path/to/checkpoint", str(tiny_llama)), "README.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "JobStarted" in shown
    assert "JobFinished" in shown
    assert "tiny-llama-MLX-8bit" in shown


def test_the_plugin_in_twenty_lines(home: Path, tiny_llama: Path) -> None:
    (block,) = blocks(README["A plugin in twenty lines"], "python")
    assert len([line for line in block.text.splitlines() if line.strip()]) <= 20
    path = home / "plugins" / "ios.py"
    path.parent.mkdir()
    path.write_text(block.text)
    request = ConvertRequest(ref=str(tiny_llama), preset="ios")
    with Workspace() as workspace:
        assert workspace.plugin_failures == ()
        plan = workspace.plan(request, exact=False)
        assert plan.outputs[0].quantization == workspace.presets["ios"].quantization
        assert not plan.errors
    path.write_text(re.sub(r"^LIMIT = \S+", "LIMIT = 1000", block.text, flags=re.MULTILINE))
    with Workspace() as workspace:
        assert [finding.code for finding in workspace.plan(request, exact=False).errors] == ["too_big"]


def test_the_tests_of_the_guide_for_plugins(tmp_path: Path) -> None:
    (test,) = blocks(sections(ROOT / "docs" / "writing-plugins.md")["Tests"], "python")
    plugin = blocks(sections(ROOT / "docs" / "hooks.md")["post_convert"], "python")[1]
    (tmp_path / "my_plugin.py").write_text(plugin.text)
    (tmp_path / "test_my_plugin.py").write_text(test.text)
    (tmp_path / "conftest.py").write_text(
        "import my_plugin, pytest\n\n\n@pytest.fixture\ndef mlx_convert_plugins():\n    return [my_plugin]\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "error"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout
    assert "2 passed" in ended.stdout


def test_the_entry_point_of_the_guide_is_the_examples() -> None:
    (shown,) = blocks(sections(ROOT / "docs" / "writing-plugins.md")["A package"], "toml")
    real = (ROOT / "tests" / "examples" / "mlx-convert-audit" / "pyproject.toml").read_text()
    for line in filter(None, shown.text.splitlines()):
        assert line in real


def command_lines() -> Iterator[tuple[str, str]]:
    """Every command line of the documents: in shell blocks, and between backticks."""
    for page in [*PAGES, ROOT / "CHANGELOG.md"]:
        text = page.read_text()
        for block in blocks(text):
            if block.language in ("", "sh", "shell", "bash", "console"):
                joined = block.text.replace("\\\n", " ")
                yield from ((page.name, line) for line in joined.splitlines() if line.strip())
        plain = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        yield from ((page.name, " ".join(line.split())) for line in re.findall(r"`(mlx-convert [^`]+)`", plain))


LINES = sorted(set(command_lines()))


def parsed(group: click.Group, words: list[str], ctx: click.Context) -> None:
    """Have click parse the words as it would, without running anything."""
    name, command, rest = group.resolve_command(ctx, words)
    assert command is not None
    with command.make_context(name, list(rest), parent=ctx) as inner:
        if isinstance(command, click.Group) and inner.protected_args + inner.args:
            parsed(command, [*inner.protected_args, *inner.args], inner)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # click: protected_args
@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_command_line_can_be_typed(page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line, comments=True)
    if words[:1] == ["$"]:
        words = words[1:]
    if words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        assert set(words[1:]) <= set(targets)
    elif words[0].endswith("python"):
        assert (ROOT / words[1]).is_file()
    elif words[0] == "mlx-convert":
        arguments = [word for word in words[1:] if word not in ("…", "...")]
        if arguments and not arguments[0].startswith("-"):
            with cli.make_context("mlx-convert", arguments) as ctx:
                parsed(cli, arguments, ctx)
    else:
        assert words[0] in ("cd", "pip", "pipx", "pytest", "uv"), f"{page}: what is {words[0]}?"


def test_there_are_command_lines_to_check() -> None:
    assert len(LINES) > 10
    assert ("README.md", "mlx-convert library list") in LINES


def test_the_script_that_converts_and_compares(tiny_llama: Path, tmp_path: Path) -> None:
    script = ROOT / "examples" / "convert_and_compare.py"

    def run(ref: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(script), str(ref), "Hello?"], cwd=tmp_path, capture_output=True, text=True
        )

    ended = run(tiny_llama)
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"100% of 0\.\d MB", ended.stdout)
    for name in ("tiny-llama-MLX-4bit", "tiny-llama-MLX-8bit"):
        assert f"\n{name} (" in ended.stdout
        assert (tmp_path / "models" / name).is_dir()
    refused = run(tmp_path / "nowhere")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
