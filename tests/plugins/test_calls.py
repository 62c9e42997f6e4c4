"""Every hook is called, in the order that docs/hooks.md shows, in one conversion and one answer."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mlx_convert_core import ConvertRequest, GenerateRequest, Workspace
from mlx_convert_core.plugins import hookspecs

AddFile = Callable[[str, str], Path]
PAGE = Path(__file__).parents[2] / "docs" / "hooks.md"
HOOKS = [
    name
    for name, value in vars(hookspecs).items()
    if inspect.isfunction(value) and hasattr(value, f"{hookspecs.GROUP}_spec")
]
NOTE = """
import sys

WORKER = getattr(sys.modules["__main__"].__spec__, "name", "") == "mlx_convert_core.worker"

def note(hook):
    with Path(__file__).with_suffix(".log").open("a") as file:
        file.write(f"{'worker' if WORKER else 'parent'} {hook}\\n")
"""


def tracer() -> str:
    """A plugin with every hook, all arguments taken, that answers nothing."""
    parts = [NOTE]
    for name in HOOKS:
        arguments = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
        parts.append(f"@hookimpl\ndef {name}({arguments}):\n    note({name!r})\n")
    ast.parse(parts[-1])
    return "\n".join(parts)


@pytest.fixture
def trace(add_file: AddFile) -> Callable[[], list[str]]:
    """Give what was called so far."""
    log = add_file("trace", tracer()).with_suffix(".log")
    return lambda: log.read_text().splitlines()


def test_the_order_of_all_hooks_in_one_conversion_and_one_answer(
    trace: Callable[[], list[str]], add_file: AddFile, tiny_llama: Path, tmp_path: Path, verifying: None
) -> None:
    add_file("zz_mean_kept", re.findall(r"```python\n(from [^`]*class MeanKept.*?)```", PAGE.read_text(), re.DOTALL)[0])
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE.read_text(), re.DOTALL)
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(tiny_llama), preset="mixed_4_6", method="mean_kept", output=tmp_path / "model")
        model = workspace.convert(request).result(timeout=300)
        workspace.generate(model.path, GenerateRequest(prompt="Hello", max_tokens=2)).result(timeout=300)
        assert workspace.senses(model.path).senses == frozenset()
        registrars = [hook for hook in HOOKS if hook.startswith("register_")]
        for hook in registrars:
            where = workspace.sources if hook == "register_source_kinds" else workspace
            offered = getattr(where, hook.removeprefix("register_").removeprefix("source_"))
            assert isinstance(offered() if callable(offered) else offered, dict)
        assert workspace.plugin_failures == ()
    called = trace()
    assert {line.split()[1] for line in called} == set(HOOKS)
    assert "worker on_event" not in called
    in_order = [line for line in called if line != "parent on_event"]
    assert in_order[: len(shown.splitlines())] == shown.splitlines()
    rest = in_order[len(shown.splitlines()) :]
    assert rest == ["parent model_senses"] + [f"parent {hook}" for hook in registrars if hook != "register_presets"]
