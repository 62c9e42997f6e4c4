"""Several threads that meet a data type of ours for the first time each get it whole."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# msgspec makes what it keeps about a type from Python's annotations, between whose lines another thread may run.
MANY_FIRST_USES = """
import sys, threading, types
sys.setswitchinterval(1e-6)
from mlx_convert_core.base import codec

FIELDS = "".join(f"    f{i}: 'dict[str, int] | None' = None\\n" for i in range(30))
SOURCE = f"import msgspec\\nclass Inner(msgspec.Struct):\\n{FIELDS}class Outer(msgspec.Struct):\\n"
SOURCE += f"    x: 'Inner | None' = None\\n    y: 'list[Inner]' = []\\n{FIELDS}"
TOLD = {"x": {"f3": {}}, "y": [{"f29": {"a": 1}}], "f4": {"a": 2}}
TEXT = codec.to_json(TOLD)
for number in range(200):
    name = f"module_{number}"
    module = sys.modules[name] = types.ModuleType(name)
    exec(SOURCE, module.__dict__)
    start = threading.Barrier(4)
    found = []

    def use():
        start.wait()
        found.append(codec.decode(TEXT, module.Outer))
        found.append(codec.from_plain(TOLD["x"], module.Inner))

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
"""


def test_threads_that_meet_a_type_at_once_end_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", MANY_FIRST_USES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_else_decodes_into_a_type_of_ours() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
        for root in ("mlx_convert_core", "plugins", "frontends")
        for path in (ROOT / root).rglob("*.py")
        if path != ROOT / "mlx_convert_core/base/codec.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and decodes_into_a_type(node)
    }
    assert not found


def decodes_into_a_type(call: ast.Call) -> bool:
    kinds = {ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == "type"}
    name = ast.unparse(call.func)
    if name in ("msgspec.convert", "msgspec.json.Decoder"):
        return True
    return name == "msgspec.json.decode" and not kinds <= {"msgspec.Raw", "dict[str, msgspec.Raw]", "dict[str, str]"}
