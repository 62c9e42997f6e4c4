"""A plugin at fault is named, with the reason, and never fatal; a fault that matters fails the job by name."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlx_convert_cli.main import cli

from mlx_convert_core import ConvertRequest, PluginError, Workspace
from mlx_convert_core.plugin import PluginFailure, PluginNotLoaded, hookimpl

AddPlugin = Callable[[str, str], Path]
BUILT_IN = set(importlib.metadata.distribution("mlx-convert").entry_points.select(group="mlx_convert").names)
# What is wrong with a plugin's code -> the code, and what is said.
FAULTS = {
    "raises": ("raise RuntimeError('no coffee')", "RuntimeError: no coffee"),
    "leaves": ("raise SystemExit(3)", "SystemExit: 3"),
    "imports what is not there": ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
    "is no Python": ("def (:", "SyntaxError"),
    "misspells a hook": ("@hookimpl\ndef pre_convrt(plan): ...", "pre_convrt"),
    "takes a wrong argument": ("@hookimpl\ndef pre_convert(plan, weather): ...", "weather"),
    "has no hook": ("def pre_convert(plan): ...", "no function marked @hookimpl"),
    "wraps": ("@hookimpl(wrapper=True)\ndef pre_convert(plan):\n    yield", "wrappers are not supported"),
    "is async": ("@hookimpl\nasync def pre_convert(plan): ...", "pre_convert is async"),
    "is an async generator": ("@hookimpl\nasync def pre_convert(plan):\n    yield", "pre_convert is async"),
    "answers once, again and again": (
        "@hookimpl\ndef quantize_strategy(name):\n    yield None",
        "quantize_strategy is a generator",
    ),
}


def failure(workspace: Workspace, plugin: str) -> PluginFailure:
    """The one failure there is; everything else must work."""
    (failure,) = workspace.plugin_failures
    assert failure.plugin == plugin
    assert {loaded.spec.name for loaded in workspace.plugins} == BUILT_IN
    assert "4bit" in workspace.presets
    return failure


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plugin_that_cannot_be_used_is_named_and_left_out(add_plugin: AddPlugin, fault: str) -> None:
    code, words = FAULTS[fault]
    path = add_plugin("broken", code)
    with Workspace() as workspace:
        found = failure(workspace, "broken")
    assert words in found.reason
    assert "\n" not in found.reason
    assert found.distribution == (path.name if path.parent.name == "plugins" else "broken")


def test_the_command_line_names_it_and_goes_on(add_plugin: AddPlugin) -> None:
    add_plugin("broken", FAULTS["raises"][0])
    listed = CliRunner().invoke(cli, ["plugins", "list"])
    assert listed.exit_code == 0
    for word in ("Not used", "broken", "no coffee", "mlx_convert_lm"):
        assert word in listed.stdout
    data = json.loads(CliRunner().invoke(cli, ["plugins", "list", "--json"]).stdout)
    assert [(one["plugin"], one["reason"]) for one in data["failures"]] == [("broken", "RuntimeError: no coffee")]
    assert {one["name"] for one in data["plugins"]} == BUILT_IN


def test_an_entry_point_that_names_nothing(add_package: Callable[..., Path]) -> None:
    add_package("broken", "", target="broken:nobody")
    with Workspace() as workspace:
        assert "nobody" in failure(workspace, "broken").reason


def test_one_misspelt_plugin_does_not_hide_the_next(add_plugin: AddPlugin) -> None:
    for name in ("one", "two"):
        add_plugin(name, f"@hookimpl\ndef {name}_of_no_hooks(): ...")
    add_plugin("good", "@hookimpl\ndef pre_convert(plan): ...")
    with Workspace() as workspace:
        assert {failure.plugin for failure in workspace.plugin_failures} == {"one", "two"}
        assert BUILT_IN | {"good"} == {loaded.spec.name for loaded in workspace.plugins}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("    raise RuntimeError('no coffee')", "RuntimeError: no coffee"),
        ("    return ['a text']", "gave a str, not a Preset"),
        ("    yield Preset(name='one', title='One', summary='Lost.')\n    1 / 0", "ZeroDivisionError"),
        ("    yield Preset(name='one', title='One', summary='S.', quantization=Quantization(bits=7))", "7 bits"),
    ],
)
def test_a_registrar_that_fails_is_named_and_its_items_are_left_out(
    add_plugin: AddPlugin, code: str, words: str
) -> None:
    add_plugin("broken", f"@hookimpl\ndef register_presets():\n{code}\n")
    with Workspace() as workspace:
        (found,) = workspace.plugin_failures
        assert (found.plugin, found.hook) == ("broken", "register_presets")
        assert words in found.reason
        assert "4bit" in workspace.presets
        assert "one" not in workspace.presets


def test_a_provider_that_raises_fails_the_request_by_name(add_plugin: AddPlugin, tiny_llama: Path) -> None:
    add_plugin("broken", "@hookimpl\ndef model_source(ref):\n    raise KeyError('lost')")
    with Workspace() as workspace, pytest.raises(PluginError) as caught:
        workspace.inspect(str(tiny_llama))
    assert "the plugin broken" in caught.value.message
    assert "failed in model_source: KeyError: 'lost'" in caught.value.message
    assert "MLX_CONVERT_PLUGINS" in caught.value.hint


def test_a_plugins_own_error_passes_as_it_is(add_plugin: AddPlugin) -> None:
    add_plugin(
        "polite",
        "@hookimpl\ndef model_source(ref):\n    raise RepoNotFound('gone.', hint='Look elsewhere.', code='moved')",
    )
    with Workspace() as workspace, pytest.raises(Exception, match="gone") as caught:
        workspace.inspect("polite:model")
    assert (type(caught.value).__name__, caught.value.code) == ("RepoNotFound", "moved")  # type: ignore[attr-defined]


def test_pre_convert_that_raises_refuses_the_conversion_by_name(
    add_plugin: AddPlugin, tiny_llama: Path, tmp_path: Path
) -> None:
    add_plugin("broken", "@hookimpl\ndef pre_convert(plan):\n    raise RuntimeError('no coffee')")
    with Workspace() as workspace:
        job = workspace.convert(ConvertRequest(ref=str(tiny_llama), output=tmp_path / "out"))
        with pytest.raises(PluginError, match=r"broken.* failed in pre_convert: RuntimeError: no coffee"):
            job.result(timeout=120)
    assert not (tmp_path / "out").exists()


def test_pre_convert_refuses_with_the_code_of_its_finding(
    add_plugin: AddPlugin, tiny_llama: Path, tmp_path: Path
) -> None:
    add_plugin(
        "strict",
        "@hookimpl\ndef pre_convert(plan):\n"
        "    yield Finding(code='too_big', level='error', message='Too big.', hint='Take a smaller one.')",
    )
    with Workspace() as workspace:
        job = workspace.convert(ConvertRequest(ref=str(tiny_llama), output=tmp_path / "out"))
        with pytest.raises(Exception, match="Too big") as caught:
            job.result(timeout=120)
    assert (caught.value.code, caught.value.hint) == ("too_big", "Take a smaller one.")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("    return 'here'", "gave a str, not a ModelSource (it has no fetch, inspect)"),
        (
            "    class Half:\n        def inspect(self): ...\n    return Half()",
            "gave a Half, not a ModelSource (it has no fetch)",
        ),
    ],
)
def test_a_provider_that_gives_the_wrong_thing_is_named(add_plugin: AddPlugin, code: str, words: str) -> None:
    add_plugin("broken", f"@hookimpl\ndef model_source(ref):\n{code}\n")
    with Workspace() as workspace, pytest.raises(PluginError, match="the plugin broken") as caught:
        workspace.inspect("anything")
    assert words in caught.value.message


ONLY_IN_THE_WORKER = """
import sys

if sys.modules["__main__"].__spec__ and sys.modules["__main__"].__spec__.name == "mlx_convert_core.worker":
    raise RuntimeError("I don't work here")

@hookimpl
def pre_convert(plan): ...
"""


def test_a_plugin_that_fails_only_in_the_worker_fails_the_job_by_name(
    add_plugin: AddPlugin, tiny_llama: Path, tmp_path: Path
) -> None:
    add_plugin("shy", ONLY_IN_THE_WORKER)
    with Workspace() as workspace:
        assert workspace.plugin_failures == ()
        job = workspace.convert(ConvertRequest(ref=str(tiny_llama), output=tmp_path / "out"))
        with pytest.raises(PluginNotLoaded, match=r"the plugin shy did not load in the worker.*I don't work here"):
            job.result(timeout=120)
    assert not (tmp_path / "out").exists()


class Unnamed:
    """A plugin object, which no other process can find."""

    @hookimpl
    def pre_convert(self, plan: object) -> None: ...


def test_a_plugin_object_works_inline_and_is_refused_by_a_worker(tiny_llama: Path, tmp_path: Path) -> None:
    with Workspace(plugins=[Unnamed()]) as workspace:
        job = workspace.convert(ConvertRequest(ref=str(tiny_llama), output=tmp_path / "out"))
        with pytest.raises(PluginNotLoaded, match="Unnamed") as caught:
            job.result(timeout=120)
        assert "inline=True" in caught.value.hint
