"""Which plugins are loaded, in which order they are called, and who wins."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mlx_convert_core import ConvertRequest, InvalidRequest, Workspace
from mlx_convert_core.plugin import EntryPoint, PluginNotLoaded, entry_points

AddFile = Callable[[str, str], Path]
AddPackage = Callable[..., Path]
FINDING = "@hookimpl\ndef pre_convert(plan):\n    yield Finding(code={name!r}, level='info', message='Here.')\n"
PRESET = "@hookimpl\ndef register_presets():\n    yield Preset(name={name!r}, title='T', summary={summary!r})\n"


STORE = """
class Store:
    def entries(self): return ()
    def add(self, entry): ...
    def remove(self, path): ...

@hookimpl
def library_store(home):
    return Store()
"""


def names(workspace: Workspace) -> list[str]:
    return [plugin.spec.name for plugin in workspace.plugins]


def test_hooks_are_called_by_distribution_then_files_then_built_ins(
    add_file: AddFile, add_package: AddPackage, tiny_llama: Path
) -> None:
    add_file("zebra", FINDING.format(name="zebra"))
    add_file("ant", FINDING.format(name="ant"))
    add_package("first_by_name", FINDING.format(name="b-dist"), distribution="b-dist")
    add_package("second_by_name", FINDING.format(name="A-dist"), distribution="A-dist")
    expected = ["second_by_name", "first_by_name", "ant", "zebra"]
    with Workspace() as workspace:
        assert names(workspace)[:4] == expected
        assert all(plugin.spec.built_in for plugin in workspace.plugins[4:])
        plan = workspace.plan(ConvertRequest(ref=str(tiny_llama)), exact=False)
    codes = [finding.code for finding in plan.findings]
    assert [code for code in codes if code in ("A-dist", "b-dist", "ant", "zebra")] == [
        "A-dist",
        "b-dist",
        "ant",
        "zebra",
    ]


def test_the_first_provider_that_answers_wins_and_none_passes_on(
    add_file: AddFile, add_package: AddPackage, tiny_llama: Path
) -> None:
    source = """
class Source:
    def __init__(self, name): self.name = name
    def inspect(self): return ModelInfo(ref="x", name=self.name)
    def fetch(self, model, scratch, report): return scratch

@hookimpl
def model_source(ref):
    return {answer}
"""
    add_package("nobody", source.format(answer="None"), distribution="a-dist")
    add_package("somebody", source.format(answer="Source('somebody') if ref == 'x' else None"), distribution="b-dist")
    add_file("too_late", source.format(answer="Source('too late') if ref == 'x' else None"))
    with Workspace() as workspace:
        assert workspace.inspect("x").name == "somebody"
        assert workspace.inspect(str(tiny_llama)).name == "tiny-llama"  # the built-in one


def test_a_third_party_wins_over_a_built_in(add_file: AddFile) -> None:
    add_file("mine", STORE)
    with Workspace() as workspace:
        assert type(workspace.library).__name__ == "Store"


def test_a_name_taken_twice_names_both_distributions(add_file: AddFile, add_package: AddPackage) -> None:
    add_package("pirate", PRESET.format(name="4bit", summary="Mine."), distribution="pirate-dist")
    add_file("later", PRESET.format(name="plain", summary="The file's."))
    add_package("sooner", PRESET.format(name="plain", summary="The package's."), distribution="sooner-dist")
    with Workspace() as workspace:
        reasons = {failure.plugin: failure.reason for failure in workspace.plugin_failures}
        assert workspace.presets["4bit"].summary != "Mine."
        assert workspace.presets["plain"].summary == "The file's."  # loaded before the package
    assert set(reasons) == {"pirate", "sooner"}
    assert reasons["pirate"] == "'4bit' of pirate (pirate-dist) is taken by mlx_convert_lm (mlx-convert)."
    assert "sooner (sooner-dist)" in reasons["sooner"]
    assert "later (later.py)" in reasons["sooner"]


def test_two_plugins_of_one_name(add_file: AddFile, add_package: AddPackage) -> None:
    add_file("twin", FINDING.format(name="file"))
    add_package("twin", FINDING.format(name="package"), distribution="twin-dist")
    with Workspace() as workspace:
        assert names(workspace).count("twin") == 1
        (failure,) = workspace.plugin_failures
    assert (failure.plugin, failure.distribution) == ("twin", "twin-dist")
    assert "already called 'twin'" in failure.reason


def test_a_file_cannot_take_the_place_of_a_built_in(add_file: AddFile) -> None:
    add_file("mlx_convert_lm", FINDING.format(name="file"))
    with Workspace() as workspace:
        assert "4bit" in workspace.presets
        assert [failure.plugin for failure in workspace.plugin_failures] == ["mlx_convert_lm"]


def test_a_limit_leaves_only_the_plugins_that_it_names(
    add_file: AddFile, add_package: AddPackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_file("wanted", FINDING.format(name="x"))
    add_file("broken", "raise RuntimeError('never loaded')")
    add_package("packed", FINDING.format(name="x"))
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", "wanted, mlx_convert_lm,")
    with Workspace() as workspace:
        assert names(workspace) == ["wanted", "mlx_convert_lm"]
        assert workspace.plugin_failures == ()
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", "mlx_convert_lm,wantde")
    with Workspace() as workspace:
        assert names(workspace) == ["mlx_convert_lm"]
        (failure,) = workspace.plugin_failures
    assert (failure.plugin, failure.reason) == ("wantde", "MLX_CONVERT_PLUGINS names it, and no plugin is called so.")
    monkeypatch.setenv("MLX_CONVERT_PLUGINS", "")
    with Workspace() as workspace:
        assert names(workspace) == []
        assert workspace.presets == {}


def test_only_python_files_of_the_plugins_folder_are_plugins(add_file: AddFile, home: Path) -> None:
    path = add_file("good", FINDING.format(name="x"))
    shutil.copy(path, path.with_suffix(".py.bak"))
    (path.parent / "sub").mkdir()
    shutil.copy(path, path.parent / "sub" / "hidden.py")
    with Workspace() as workspace:
        assert "good" in names(workspace)
        assert "hidden" not in names(workspace)
        assert workspace.plugin_failures == ()


# A built-in plugin -> what works with it, and fails without it.
FEATURES: dict[str, Callable[[Workspace, Path], object]] = {
    "mlx_convert_gguf": lambda workspace, place: workspace.inspect(str(place / "model.gguf")),
    "mlx_convert_hub": lambda workspace, place: workspace.sources.of("org/name"),
    "mlx_convert_library": lambda workspace, place: workspace.library.entries(),
    "mlx_convert_lm": lambda workspace, place: workspace.presets["4bit"],
    "mlx_convert_quality": lambda workspace, place: workspace.metrics()["kl_mean"],
    "mlx_convert_ui": lambda workspace, place: workspace.commands()["ui"],
}


def works(feature: str, workspace: Workspace, place: Path) -> bool:
    try:
        FEATURES[feature](workspace, place)
    except (InvalidRequest, PluginNotLoaded, KeyError):
        return False
    return True


@pytest.fixture
def place(tiny_llama: Path, tmp_path: Path) -> Path:
    """Give a folder with a checkpoint and a GGUF file."""
    from samples.gguf import byte_level_metadata, write_llama_gguf

    write_llama_gguf(tmp_path / "model.gguf", metadata=byte_level_metadata(tmp_path / "tokenizer"))
    return tmp_path


def test_every_built_in_plugin_has_a_feature_here() -> None:
    built_in = importlib.metadata.distribution("mlx-convert").entry_points.select(group="mlx_convert")
    assert built_in.names == set(FEATURES)


@pytest.mark.parametrize("removed", FEATURES)
def test_removing_a_built_in_removes_its_feature_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, place: Path, removed: str
) -> None:
    def without(group: str) -> list[EntryPoint]:
        return [point for point in entry_points(group) if point.name != removed]

    monkeypatch.setattr("mlx_convert_core.plugins.loading.entry_points", without)
    with Workspace() as workspace:
        assert workspace.plugin_failures == ()
        assert {feature for feature in FEATURES if works(feature, workspace, place)} == set(FEATURES) - {removed}
