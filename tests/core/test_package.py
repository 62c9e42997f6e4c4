"""The package itself: its public names, and that importing it costs next to nothing."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

import mlx_convert_core
from mlx_convert_core import plugin
from mlx_convert_core.plugin import python_command, python_environment
from mlx_convert_core.testing import heavy_imports, write_tiny_checkpoint

PUBLIC = pytest.mark.parametrize("module", [mlx_convert_core, plugin], ids=lambda module: module.__name__)


@PUBLIC
def test_type_checkers_are_told_what_a_program_gets(module: ModuleType) -> None:
    (told,) = [node for node in ast.parse(Path(str(module.__file__)).read_text()).body if isinstance(node, ast.If)]
    imports = [node for node in told.body if isinstance(node, ast.ImportFrom)]
    assert len(imports) == len(told.body)
    assert {str(node.module): {alias.name for alias in node.names} for node in imports} == {
        place: set(names.split()) for place, names in module._PLACES.items()
    }
    assert all(alias.asname == alias.name for node in imports for alias in node.names)
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


@PUBLIC
def test_all_is_sorted_constants_then_classes_then_functions(module: ModuleType) -> None:
    def kind(name: str) -> int:
        return 0 if name.isupper() else 1 if name[0].isupper() else 2

    assert list(module.__all__) == sorted(module.__all__, key=lambda name: (kind(name), name))


@PUBLIC
def test_every_public_name_has_a_docstring(module: ModuleType) -> None:
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name


@pytest.mark.parametrize(
    "module", ["mlx_convert_core", "mlx_convert_core.plugin", "mlx_convert_core.worker", "mlx_convert_core.testing"]
)
def test_importing_the_core_imports_nothing_heavy(module: str) -> None:
    assert heavy_imports(module, "click", "rich") == ()


def test_the_fixtures_load_next_to_nothing_of_the_core_into_every_run_of_pytest() -> None:
    code = "import pytest, sys; import mlx_convert_core.testing; print(*sys.modules)"
    ended = subprocess.run(python_command("-c", code), capture_output=True, text=True, env=python_environment())
    ours = {
        name.removeprefix("mlx_convert_core.") for name in ended.stdout.split() if name.startswith("mlx_convert_core.")
    }
    assert {name for name in ours if name.partition(".")[0] != "base"} == {"testing"}


@pytest.mark.parametrize("plugin", ["gguf", "hub", "library", "lm", "ui"])
def test_importing_a_built_in_plugin_imports_nothing_heavy(plugin: str) -> None:
    assert heavy_imports(f"mlx_convert_{plugin}") == ()


def test_the_check_for_heavy_imports_sees_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "careless.py").write_text("import numpy\nimport json\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert heavy_imports("careless", "json") == ("numpy", "json")
    with pytest.raises(ImportError, match="nothing_of_that_name"):
        heavy_imports("nothing_of_that_name")


def test_the_tiny_checkpoint_is_the_same_every_time_and_takes_settings(tmp_path: Path) -> None:
    first = write_tiny_checkpoint(tmp_path / "first")
    second = write_tiny_checkpoint(tmp_path / "second", rope_theta=5.0)
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    assert plugin.inspect_folder(second).config["rope_theta"] == 5.0


def test_the_fixtures_for_plugin_authors_are_there(
    mlx_convert_workspace: mlx_convert_core.Workspace, mlx_convert_checkpoint: Path
) -> None:
    request = mlx_convert_core.ConvertRequest(ref=str(mlx_convert_checkpoint))
    assert not mlx_convert_workspace.plan(request, exact=False).errors
    assert mlx_convert_workspace.home == importlib.import_module("mlx_convert_core.home.location").default_home()
