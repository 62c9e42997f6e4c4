"""The text that is run through a model: what it is, and how it is chosen."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from mlx_convert_engine import texts
from mlx_convert_engine.texts import calibration_text, calibration_tokens, own_text, random_tokens
from mlx_convert_lm.adapter import text_tokens

from mlx_convert_core import InvalidRequest

DATA = Path(texts.__file__).with_name("calibration.jsonl")


class Words:
    """A tokenizer that gives each character its number, after a mark where a text begins."""

    def encode(self, text: str) -> list[int]:
        return [1, *map(ord, text)]

    def chat(self, turns: Sequence[dict[str, str]]) -> list[int] | None:
        return self.encode("".join(f"<{turn['role']}>{turn['content']}" for turn in turns))


def text_of(sequences: list[list[int]]) -> str:
    """What sequences of Words say."""
    return "".join(map(chr, (number for ids in sequences for number in ids[1:])))


def test_the_bundled_text_has_four_kinds_and_its_origins_are_listed() -> None:
    lines = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    assert {line["kind"] for line in lines} == {"prose", "code", "other", "chat"}
    origins = DATA.with_name("ORIGINS.md").read_text(encoding="utf-8")
    assert all(f"| {line['origin']} | {line['kind']} |" in origins for line in lines)
    assert len({line["language"] for line in lines if line["kind"] == "other"}) >= 10
    assert hashlib.sha256(DATA.read_bytes()).hexdigest() == texts.CALIBRATION_SHA256
    assert len(gzip.compress(DATA.read_bytes())) <= 300_000
    assert len(calibration_text()) == len(lines)


def test_the_bundled_text_is_long_enough_for_a_real_tokenizer(smollm2: Path) -> None:
    tokenizer = text_tokens(smollm2, trust_remote_code=False)
    assert tokenizer is not None
    everything = calibration_tokens(tokenizer, 10**9, seed=0)
    assert sum(map(len, everything)) >= 60_000
    assert {len(ids) for ids in everything} == {512}
    start = tokenizer.tokenizer.convert_tokens_to_ids("<|im_start|>")
    assert any(ids.count(start) > 2 for ids in everything)  # chats are in the model's own words


def test_the_same_seed_gives_the_same_sequences() -> None:
    first, again, other = (calibration_tokens(Words(), 4000, seed, 256) for seed in (3, 3, 4))
    assert first == again != other
    assert sum(map(len, first)) == 4096
    assert all(ids[0] == 1 and 1 not in ids[1:] for ids in first)


def test_kinds_take_turns() -> None:
    four = calibration_tokens(Words(), 4 * 256, seed=0, length=256)
    assert len(four) == 4
    said = [text_of([ids]) for ids in four]
    assert sum("<user>" in text or "<assistant>" in text for text in said) == 1


def test_a_text_of_ones_own(tmp_path: Path) -> None:
    plain = tmp_path / "own.txt"
    plain.write_text("abcdefgh" * 4, encoding="utf-8")
    assert sorted(calibration_tokens(Words(), 100, 0, 9, plain)) == [[1, *map(ord, "abcdefgh")]] * 4
    lines = tmp_path / "own.jsonl"
    entries = [{"text": "one"}, {"messages": [{"role": "user", "content": "two"}]}]
    lines.write_text("\n".join(map(json.dumps, entries)) + "\n", encoding="utf-8")
    assert text_of(calibration_tokens(Words(), 100, 0, 512, lines)) in ("one<user>two", "<user>twoone")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", b'{"text": 1', "is not JSON lines"),
        ("a.jsonl", b'["text"]', "is not JSON lines"),
        ("a.jsonl", b'{"words": "x"}', "is not JSON lines"),
        ("a.txt", b"\xff\xfe\x00", "is not UTF-8"),
        ("a.txt", None, "can't read"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, name: str, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidRequest, match=told) as raised:
        own_text(tmp_path / name)
    assert raised.value.code == "calibration"


def test_random_tokens_are_the_same_for_a_seed() -> None:
    assert random_tokens(100, 20, 5, length=8) == random_tokens(100, 20, 5, length=8)
    assert [len(ids) for ids in random_tokens(100, 20, 5, length=8)] == [8, 8, 8]


def test_a_checkpoint_without_a_tokenizer_has_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert text_tokens(tmp_path, trust_remote_code=False) is None
