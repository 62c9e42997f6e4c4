"""Headers of weight files, spoiled: each is read, or refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from fuzz.loop import Case, Fuzz, amounts
from fuzz.mutations import spoiled_bytes, spoiled_json
from mlx_convert_core.plugin import read_header


@amounts
def test_a_spoiled_header_is_read_or_refused(fuzz: Fuzz, tiny_llama: Path) -> None:
    whole = (tiny_llama / "model.safetensors").read_bytes()
    length = int.from_bytes(whole[:8], "little")
    entries = json.loads(whole[8 : 8 + length])

    def attempt(case: Case) -> object:
        path = case.folder / "model.safetensors"
        with path.open("wb") as file:
            file.write(_spoiled(case.random, entries, whole[: 8 + length]))
            file.truncate(len(whole))
        return read_header(path)

    fuzz("safetensors headers", 2_000, attempt)


def _spoiled(random: Random, entries: dict[str, object], head: bytes) -> bytes:
    if random.random() < 0.2:
        return spoiled_bytes(random, head, where=random.choice((8, 40, len(head))))
    text = spoiled_json(random, entries)
    length = len(text) if random.random() < 0.95 else random.choice((0, 1, 8, len(text) - 1, len(text) + 1, 2**40))
    return length.to_bytes(8, "little") + text
