"""The text that comes along to measure with; no conversion looks at it. ORIGINS.md says where it is from."""

from __future__ import annotations

import json
from pathlib import Path

from mlx_convert_core.plugin import ChatMessage, MeasuringText, Passage

VERSION = "1"
EVALUATION_SHA256 = "a5d62f2429174df1c83c05d3d814d4e9ccc117b0ae50e51dbb9c8d655ac968ce"
_FILE = Path(__file__).with_name("evaluation.jsonl")


def evaluation_text() -> tuple[Passage, ...]:
    """Thirty passages of prose, code, other languages and conversations, some 25,000 tokens."""
    entries = map(json.loads, _FILE.read_text(encoding="utf-8").splitlines())
    return tuple(
        Passage(
            kind=entry["kind"],
            text=entry.get("text", ""),
            turns=tuple(ChatMessage(role=turn["role"], content=turn["content"]) for turn in entry.get("turns", ())),
        )
        for entry in entries
    )


EVALUATION = MeasuringText(
    name=f"bundled-{VERSION}", title="Prose, code, other languages and conversations", load=evaluation_text
)
