"""Weight files of torch, spoiled: each is read, or refused in words, and none has anything run."""

from __future__ import annotations

from pathlib import Path
from random import Random

from samples.torch_files import Tensor, described, text, torch_old, torch_zip

from fuzz.loop import Case, Fuzz, amounts
from fuzz.mutations import spoiled_bytes
from mlx_convert_core.plugin import read_torch

TENSORS = {
    f"layers.{number}.weight": Tensor("BF16", (4, 6), (6, 1) if number % 2 else (1, 4), str(number // 2))
    for number in range(6)
}
STORAGES = {str(number): bytes(48) for number in range(3)}
CODES = (
    b"(0123aAbBcCdeEFghijlnoNpPqQrRsStTuUVXZ}]).\x80\x81\x82\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x90\x93\x94\x95"
)
NAMES = (
    "posix\nsystem",
    "builtins\nexec",
    "torch\nFloatStorage",
    "collections\nOrderedDict",
    "torch._utils\n_rebuild_tensor",
)


@amounts
def test_a_spoiled_file_of_torch_is_read_or_refused(fuzz: Fuzz, amount: str) -> None:
    def attempt(case: Case) -> object:
        path = case.folder / "pytorch_model.bin"
        path.write_bytes(_spoiled(case.random))
        found = read_torch(path)
        assert not (Path.cwd() / "owned").exists()
        size = path.stat().st_size
        assert all(0 <= tensor.start <= tensor.end <= size for tensor in found)
        return found

    fuzz("files of torch", 2_000, attempt)


def _spoiled(random: Random) -> bytes:
    kind = random.randrange(4)
    if kind == 0:
        return spoiled_bytes(random, torch_zip(TENSORS, STORAGES))
    if kind == 1:
        return spoiled_bytes(random, torch_old(TENSORS, STORAGES))
    if kind == 2:
        return torch_zip({}, STORAGES, spoiled_bytes(random, described(TENSORS, STORAGES)))
    return torch_zip({}, STORAGES, _made_up(random))


def _made_up(random: Random) -> bytes:
    """A pickle of random instructions, some of which make sense."""
    parts = [b"\x80\x02"]
    for _ in range(random.randrange(60)):
        draw = random.random()
        if draw < 0.2:
            parts.append(f"c{random.choice(NAMES)}\n".encode())
        elif draw < 0.35:
            parts.append(text(random.choice(("storage", "0", "cpu", "echo owned > owned"))))
        elif draw < 0.5:
            parts.append(b"K" + random.randbytes(1))
        else:
            parts.append(bytes([random.choice(CODES)]) + random.randbytes(random.choice((0, 0, 0, 1, 4))))
    return b"".join(parts) + b"."
