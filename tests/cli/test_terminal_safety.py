"""Names, titles and settings of others are text: nothing of them steers the terminal."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import mlx_convert_cli
import pytest
from click.testing import CliRunner, Result
from mlx_convert_cli.main import cli
from mlx_convert_cli.output import console, show, table
from mlx_convert_cli.text import printable
from terminal import Terminal

from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.plugin import ChatSettings

# Sets the window's title, rings, blinks (in seven and in eight bits), and turns letters around.
EVIL = "\x1b]0;owned\x07\x1b[5m\x9b5m\u202e\u2066 [red]:smile:"
STEERING = ("\x1b]", "\x07", "\x1b[5m", "\x9b", "\u202e", "\u2066")
PLUGIN = f"""
from mlx_convert_core import Preset, Quantization
from mlx_convert_core.plugin import hookimpl

@hookimpl
def register_presets():
    text = {EVIL!r}
    yield Preset(name="evil" + text, title=text, summary=text, quantization=Quantization(bits=4), ref=text)
"""
Colored = Callable[..., Result]
DATA = {"convert", "generate", "compare", "upload", "recipe", "conversations"}  # into a pipe these put it as it is


@pytest.fixture
def source(tmp_path: Path, toys: None, tiny_llama: Path) -> Path:
    """Give a checkpoint for the toy plugin in a folder with such a name."""
    folder = tiny_llama.rename(tmp_path / f"source{EVIL}")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "toy"}))
    return folder


@pytest.fixture
def evil(tmp_path: Path, parrot: Path, source: Path, add_plugin: Callable[..., None]) -> Path:
    """Give the checkpoint in a world of its kind: a foreign model, library, queue, conversations, plugins."""
    foreign = shutil.copytree(source, tmp_path / f"foreign{EVIL}")
    lies = {"quantization_config": {"quant_method": f"x{EVIL}", "format": EVIL}, "auto_map": {"x": EVIL}}
    (foreign / "config.json").write_text(json.dumps({"model_type": "llama", **lies}))
    (foreign / "README.md").write_text(f"---\nlicense: {EVIL}\nbase_model: {EVIL}\n---\n")
    parrot.rename(tmp_path / f"parrot{EVIL}")
    add_plugin("evil", PLUGIN)
    add_plugin(f"broken{EVIL}", f"raise ValueError({EVIL!r})")
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / f"made{EVIL}")
        workspace.convert(request, inline=True).result()
        workspace.queue.add(ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / f"queued{EVIL}"))
        workspace.queue.add(ConvertRequest(ref=str(tmp_path / f"nothing{EVIL}")))
        talk = workspace.conversations.create(tmp_path / f"parrot{EVIL}", ChatSettings(system=EVIL))
        workspace.conversations.rename(talk.id, f"title{EVIL}")
    return source


@pytest.fixture
def colored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Colored:
    """Run a command line with the looks that a terminal gets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return lambda *words: CliRunner().invoke(cli, [str(word) for word in words], color=True, prog_name="mlx-convert")


def commands(here: Path, source: Path) -> Iterator[tuple[object, ...]]:
    """A line for each command that tells of names."""
    foreign, made, parrot = (here / f"{name}{EVIL}" for name in ("foreign", "made", "parrot"))
    talk = next((here / "conversations").glob("*.json"), Path("none")).stem
    yield from [("plan", source), ("plan", foreign), ("plan", here / f"none{EVIL}"), ("plan", f"org/{EVIL}")]
    yield from [
        ("convert", source, "-p", "bf16", "--output", here / f"new{EVIL}"),
        ("convert", source, "--output", made),
    ]
    yield from [("convert", source, "--preset", EVIL), ("convert", source, "--strategy", EVIL)]
    yield from [
        ("generate", parrot, EVIL),
        ("generate", f"no{EVIL}", "Hi"),
        ("compare", parrot, parrot, "--prompt", EVIL),
    ]
    yield from [
        ("library",),
        ("library", "show", made.name),
        ("library", "scan", here),
        ("library", "remove", made.name),
    ]
    yield from [
        ("library", "show", EVIL),
        ("queue",),
        ("queue", "run"),
        ("queue", "add", EVIL),
        ("queue", "cancel", EVIL),
    ]
    yield from [("conversations",), ("conversations", "show", talk), ("conversations", "show", EVIL)]
    yield from [
        ("presets",),
        ("plugins",),
        ("doctor",),
        ("settings",),
        ("settings", "set", "output_folder", f"m{EVIL}"),
    ]
    yield from [("upload", made, "--to", f"folder:{here}/sent{EVIL}"), ("upload", made, "--to", EVIL)]
    yield from [
        ("upload", made, "--to", f"hub:{EVIL}", "--preview"),
        ("upload", "--targets"),
        ("account", "sign-in", EVIL),
    ]
    yield from [
        ("recipe", "export", made),
        ("recipe", "show", made / "config.json"),
        (EVIL,),
        ("plan", f"--{EVIL}"),
        ("-h",),
    ]
    yield from [("plan", here / f"none{EVIL}", "--debug"), ("generate", made, EVIL, "--debug")]


def test_no_command_lets_a_name_steer_the_terminal(evil: Path, colored: Colored, tmp_path: Path, home: Path) -> None:
    for words in commands(tmp_path, evil):
        ended = colored(*words)
        assert ended.output.strip(), words
        shown = ended.stderr if words[0] in DATA else ended.output
        assert not [mark for mark in STEERING if mark in shown], (words, shown)
        assert not {mark for mark in shown if mark != "\x1b" and mark not in "\n\t" and ord(mark) < 32}, (words, shown)


def test_nor_at_a_real_terminal_while_lines_move(evil: Path, terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    for words in (
        ("convert", evil, "-p", "bf16", "--output", "out" + EVIL),
        ("queue", "run"),
        ("library",),
        ("presets",),
    ):
        program = terminal(*words)
        assert program.wait() in (0, 1)
        assert not [mark for mark in STEERING if mark in program.raw], (words, program.raw)


def test_programs_get_names_exactly(source: Path, colored: Colored, tmp_path: Path) -> None:
    new = tmp_path / f"new{EVIL}"
    planned = colored("plan", source, "-p", "bf16", "--output", new, "--json")
    assert json.loads(planned.stdout)["outputs"][0]["path"] == str(new)
    assert not [mark for mark in planned.stdout if ord(mark) < 32 and mark != "\n"]
    assert colored("convert", source, "-p", "bf16", "--output", new).stdout == f"{new}\n"


@pytest.mark.parametrize("text", ["ä 日本 👩‍👩‍👧 مرحبا", "a\tb\nc"])
def test_text_of_any_script_is_printed_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_what_no_terminal_can_be_sent_is_written_out() -> None:
    assert printable("m\udcfcnchen \ud800") == "m\\xfcnchen \\ud800"


def test_brackets_and_colons_of_a_name_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show("[red]a[/red]", table("[b]name", rows=[["[link=http://x]:smile:"]]))
    assert capsys.readouterr().out == "[red]a[/red]\n[b]name\n[link=http://x]:smile:\n"


def test_rich_draws_its_own_looks_and_no_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.text import Text

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    console().print(Text(f"a{EVIL}", "red"))
    shown = capsys.readouterr().out
    assert "\x1b[31m" in shown
    assert not [mark for mark in STEERING if mark in shown]


SENDING = {"echo", "secho", "prompt", "confirm", "print", "write", "writelines", "print_exception", "print_exc"}
OUTLETS = ("output.py", "rich_console.py")


def sends(call: ast.Call) -> bool:
    """Whether a call may write to a terminal what is not a constant."""
    constant = all(isinstance(given, ast.Constant) for given in call.args)
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in SENDING and not constant and not ast.unparse(call.func).startswith("os.")
    return getattr(call.func, "id", "") in ("print", "input") and not constant


def test_everything_that_people_see_goes_through_one_place() -> None:
    """Any other way to a terminal would have to remember to make names printable."""
    found = [
        f"{path.name}: {ast.unparse(node)}"
        for path in sorted(Path(mlx_convert_cli.__file__).parent.rglob("*.py"))
        if path.name not in OUTLETS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and sends(node)
    ]
    assert found == [
        "compare_view.py: target.print(grid)",  # a console of ours
        "main.py: click.echo(ctx.get_help())",  # our own words, and names of plugins' commands
    ]
