"""GGUF files with spoiled headers: each is described and rebuilt, or refused in words."""

from __future__ import annotations

from pathlib import Path
from random import Random

from mlx_convert_gguf import model_source
from mlx_convert_gguf.container import read_gguf
from samples.gguf import write_llama_gguf
from samples.smollm2 import Silent

from fuzz.gguf_bytes import Described, Field, header
from fuzz.loop import Case, Fuzz, amounts
from fuzz.mutations import NUMBERS, TEXTS, odd_value, spoiled, spoiled_bytes

REBUILT = 0.1  # of the inputs are rebuilt as checkpoints, too


@amounts
def test_a_spoiled_gguf_file_is_described_or_refused(fuzz: Fuzz, tmp_path: Path) -> None:
    good = write_llama_gguf(tmp_path / "good.gguf")
    data = good.read_bytes()
    read = read_gguf(good)
    base = min(tensor.start for tensor in read.tensors)
    fields = [
        (name, value.tolist() if isinstance(value, memoryview) else value) for name, value in read.metadata.items()
    ]
    tensors = [(one.name, list(reversed(one.shape)), one.kind, one.start - base) for one in read.tensors]

    def attempt(case: Case) -> object:
        path = case.folder / "Tiny.gguf"
        random = case.random
        if random.random() < 0.4:
            path.write_bytes(spoiled_bytes(random, data, where=random.choice((24, 400, base))))
        else:
            head = header(random, *_spoiled(random, fields, tensors))
            path.write_bytes(head + bytes(-len(head) % 32) + data[base:])
        source = model_source(str(path), None)
        assert source is not None
        model = source.inspect()
        if random.random() < REBUILT:
            source.fetch(model, case.folder, Silent())
        return model

    fuzz("GGUF headers", 1_000, attempt)


def _spoiled(random: Random, fields: list[Field], tensors: list[Described]) -> tuple[list[Field], list[Described]]:
    """Both with one to three odd things: a field's value, name or place, a tensor's description."""
    fields, tensors = [*fields], [*tensors]
    for _ in range(random.choice((1, 1, 2, 3))):
        index, at = random.randrange(len(fields)), random.randrange(len(tensors))
        name, value = fields[index]
        tensor, sizes, kind, offset = tensors[at]
        change = random.randrange(8)
        if change < 3:
            fields[index] = name, odd_value(random)
        elif change == 3:
            fields[index] = name, spoiled(random, [*value] if isinstance(value, list) else [value])
        elif change == 4:
            fields.pop(index)
        elif change == 5:
            fields.append((random.choice((name, *TEXTS)), value))
        elif change == 6:
            tensors[at] = random.choice((tensor, *TEXTS)), [random.choice(NUMBERS), *sizes[1:]], kind, offset
        else:
            tensors[at] = (
                tensor,
                sizes * random.choice((1, 2)),
                random.randrange(40),
                offset + random.choice((0, -32, 2**63)),
            )
    return fields, tensors
