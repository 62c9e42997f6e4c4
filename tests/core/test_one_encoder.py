"""What mlx-convert says or keeps as JSON is written by `to_json`, wherever that is."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from mlx_convert_core import Finding, LibraryEntry, Message, to_json
from mlx_convert_core.plugin import plain

ROOT = Path(__file__).parents[2]
ENCODERS = {"json.dumps", "json.dump", "msgspec.json.encode", "msgspec.to_builtins", "msgspec.json.format"}
OTHERS_LAYOUTS = {  # files and texts whose layout is not ours
    "mlx_convert_core/model/safetensors_layout.py": "a header of weights",
    "mlx_convert_core/testing.py": "a checkpoint as Hugging Face writes it",
    "plugins/mlx_convert_engine/output_files.py": "config.json and the index, to the letter as mlx-lm writes them",
    "plugins/mlx_convert_engine/stand_in.py": "config.json",
    "plugins/mlx_convert_gguf/source.py": "config.json",
    "plugins/mlx_convert_gguf/tokenizers/tokenizer_files.py": "a tokenizer",
    "plugins/mlx_convert_lm/tokenizers/finishing.py": "a tokenizer",
    "plugins/mlx_convert_lm/tokenizers/for_readers.py": "a tokenizer's settings",
    "plugins/mlx_convert_lm/tokenizers/rendering.py": "a filter of chat templates, as transformers has it",
    "plugins/mlx_convert_hub/card/front_matter.py": "text in YAML",
    "plugins/mlx_convert_hub/card/model_card.py": "text in Python",
    "plugins/mlx_convert_hub/send/model_files.py": "a path as it stands in any JSON",
}


def test_our_data_paths_and_events_are_written() -> None:
    entry = LibraryEntry(name="Tiny", path=Path("/m/Tiny"), size=9, bits_per_weight=4.5, quantization="4 bit")
    finding = Finding(code="disk", level="error", message="Full.", hint="Free some.")
    told = {"entry": entry, "event": Message(level="info", text="é", time=1), "findings": [finding]}
    line = to_json(told)
    assert b"\n" not in line
    assert json.loads(line) == json.loads(json.dumps(plain(told)))
    assert json.loads(line)["entry"]["path"] == "/m/Tiny"
    assert json.loads(line)["event"] == {"event": "Message", "job": "", "time": 1, "level": "info", "text": "é"}
    assert to_json({"a": [1], "é": {}}, indent=True).decode() == '{\n  "a": [\n    1\n  ],\n  "é": {}\n}\n'


def test_nothing_else_encodes_our_json() -> None:
    found = {
        str(path.relative_to(ROOT))
        for root in ("mlx_convert_core", "plugins", "frontends")
        for path in (ROOT / root).rglob("*.py")
        if ENCODERS & set(_called(path))
    }
    assert found == {"mlx_convert_core/base/codec.py", *OTHERS_LAYOUTS}


def _called(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
