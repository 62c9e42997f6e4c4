"""Whatever a plugin does wrong while it works, its name and the reason are told; and it never gets into the data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from mlx_convert_cli.main import cli
from samples.mlx_folder import write_mlx_folder

from mlx_convert_core import ConversionFailed, ConvertRequest, PluginError, Workspace

AddFile = Callable[[str, str], Path]


def listed() -> list[dict[str, str]]:
    """What `plugins list` says is at fault."""
    ended = CliRunner().invoke(cli, ["plugins", "list", "--json"])
    assert ended.exit_code == 0, ended.output
    failures: list[dict[str, str]] = json.loads(ended.stdout)["failures"]
    return failures


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_a_target_without_methods_is_listed(add_file: AddFile) -> None:
    add_file(
        "lacking", "class Target:\n    name = 'tt'\n\n@hookimpl\ndef register_upload_targets():\n    yield Target()"
    )
    [failure] = listed()
    assert (failure["plugin"], failure["hook"]) == ("lacking", "register_upload_targets")
    assert "upload" in failure["reason"]


def test_a_target_that_gives_nothing_back_is_named(add_file: AddFile, tmp_path: Path) -> None:
    code = """
class Target:
    name = summary = "tt"
    def check(self, request): return request
    def preview(self, request): return ""
    def upload(self, request, report): return None

@hookimpl
def register_upload_targets():
    yield Target()
"""
    add_file("forgetful", code)
    model = write_mlx_folder(tmp_path / "Model")
    with Workspace() as workspace:
        job = workspace.upload(model, "tt:x")
        with pytest.raises(PluginError, match=r"forgetful.*gave a NoneType, not an UploadResult"):
            job.result(timeout=120)


@pytest.mark.parametrize(
    ("answer", "told"),
    [("'four'", "gave a str for model"), ("1 / 0", "ZeroDivisionError")],
)
def test_a_strategy_at_fault_is_named(
    add_file: AddFile, tiny_llama: Path, tmp_path: Path, answer: str, told: str
) -> None:
    head = "@hookimpl\ndef quantize_strategy(name, quantization):\n"
    code = head + "    return (lambda layer: %s) if name == 'odd' else None"
    add_file("odd", code % answer)
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(tiny_llama), strategy="odd", group_size=32, output=tmp_path / "out")
        with pytest.raises(PluginError, match=f"odd.*quantize_strategy.*{told}"):
            workspace.convert(request).result(timeout=120)


@pytest.mark.parametrize("load", ["raise KeyError('lost')", "raise SystemExit(3)"])
def test_a_command_that_does_not_load_is_named(add_file: AddFile, load: str) -> None:
    command = "@hookimpl\ndef register_commands():\n    yield Command(name='lost', summary='x', load=load)"
    add_file("losing", f"def load():\n    {load}\n\n{command}")
    ended = run("lost")
    assert ended.exit_code == 1
    assert "error [plugin_error]" in ended.stderr
    assert "losing" in ended.stderr


def test_a_command_called_as_one_of_ours_is_listed(add_file: AddFile) -> None:
    add_file("bold", "@hookimpl\ndef register_commands():\n    yield Command(name='convert', summary='x', load=print)")
    [failure] = listed()
    assert (failure["plugin"], "convert" in failure["reason"]) == ("bold", True)


def test_an_observer_that_raises_is_told_at_the_end(add_file: AddFile, tiny_llama: Path, tmp_path: Path) -> None:
    add_file("upset", "@hookimpl\ndef on_event(event):\n    raise RuntimeError('no coffee')")
    ended = run("convert", str(tiny_llama), "--preset", "bf16", "--output", str(tmp_path / "out"))
    assert ended.exit_code == 0
    assert "the plugin upset failed in on_event: RuntimeError: no coffee" in ended.stderr


def test_what_a_plugin_prints_is_not_among_the_data(add_file: AddFile, tiny_llama: Path) -> None:
    add_file("chatty", "print('AT IMPORT')\n\n@hookimpl\ndef pre_convert(plan):\n    print('AT WORK')")
    ended = run("plan", str(tiny_llama), "--json", "--estimate")
    assert json.loads(ended.stdout)
    assert "AT IMPORT" in ended.stderr
    assert "AT WORK" in ended.stderr


def test_how_long_a_plugin_takes_to_load_is_listed(add_file: AddFile) -> None:
    add_file("slow", "import time\ntime.sleep(0.3)\n\n@hookimpl\ndef on_event(event): ...")
    loaded = json.loads(run("plugins", "list", "--json").stdout)["plugins"]
    assert {plugin["name"]: plugin["seconds"] for plugin in loaded}["slow"] >= 0.3
    assert "loads in" in run("plugins", "list").stdout


def test_an_observer_that_does_not_end_is_told(add_file: AddFile) -> None:
    add_file("stuck", "import time\n\n@hookimpl\ndef on_event(event):\n    time.sleep(3)")
    with Workspace() as workspace:
        from mlx_convert_core import Message

        workspace._dispatcher.send(Message(job="1", level="info", text="x"))
        workspace._dispatcher.close(timeout=0.2)
        [failure] = workspace.plugin_failures
    assert (failure.plugin, failure.hook) == ("stuck", "on_event")


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_plugin_that_changes_what_was_made_is_named(
    add_file: AddFile, tiny_llama: Path, tmp_path: Path, file: str
) -> None:
    spoil = f"with (staging / '{file}').open('r+b') as opened:\n        opened.seek(-8, 2); opened.write(b'spoiled!')"
    add_file("meddling", f"@hookimpl\ndef post_convert(plan, staging):\n    {spoil}")
    with Workspace() as workspace:
        job = workspace.convert(ConvertRequest(ref=str(tiny_llama), preset="bf16", output=tmp_path / "out"))
        with pytest.raises(ConversionFailed, match="meddling") as caught:
            job.result(timeout=120)
    assert (caught.value.code, "disk" in caught.value.message) == ("check_failed", False)


@pytest.mark.parametrize("hook", ["pre_convert(plan)", "post_convert(plan)"])
def test_a_plugin_that_ends_the_program_is_named(
    add_file: AddFile, tiny_llama: Path, tmp_path: Path, hook: str
) -> None:
    add_file("leaving", f"@hookimpl\ndef {hook}:\n    raise SystemExit(3)")
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(tiny_llama), preset="bf16", output=tmp_path / "out")
        with pytest.raises(PluginError, match=f"leaving.*{hook.partition('(')[0]}.*SystemExit: 3"):
            workspace.convert(request).result(timeout=120)
