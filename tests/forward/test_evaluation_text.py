"""The text to measure with is long enough, and no part of what conversions look at."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from mlx_convert_engine import texts as calibration
from mlx_convert_lm.adapter import text_tokens
from mlx_convert_quality import texts
from mlx_convert_quality.texts import EVALUATION

DATA = Path(texts.__file__).with_name("evaluation.jsonl")
WORDS = 12  # in a row, that two texts of other works don't share


def runs(text: str) -> set[tuple[str, ...]]:
    """All runs of WORDS words."""
    words = text.split()
    return {tuple(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)}


def test_the_text_has_four_kinds_and_its_origins_are_listed() -> None:
    lines = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    assert {line["kind"] for line in lines} == {"prose", "code", "other", "chat"}
    origins = DATA.with_name("ORIGINS.md").read_text(encoding="utf-8")
    assert all(f"| {line['origin']} | {line['kind']} |" in origins for line in lines)
    assert hashlib.sha256(DATA.read_bytes()).hexdigest() == texts.EVALUATION_SHA256
    assert len(lines) == len(tuple(EVALUATION.load())) >= 16


def test_it_is_long_enough_to_measure_with(smollm2: Path) -> None:
    tokenizer = text_tokens(smollm2, trust_remote_code=False)
    assert tokenizer is not None
    said = [one.text or " ".join(turn.content for turn in one.turns) for one in EVALUATION.load()]
    assert sum(len(tokenizer.encode(text)) for text in said) >= 16_000


def test_no_part_of_it_is_calibrated_with() -> None:
    looked_at: set[tuple[str, ...]] = set()
    for one in calibration.calibration_text():
        looked_at |= runs(one.text or " ".join(turn["content"] for turn in one.turns))
    for passage in EVALUATION.load():
        shared = runs(passage.text or " ".join(turn.content for turn in passage.turns)) & looked_at
        assert not shared, shared
