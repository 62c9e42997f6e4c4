"""Weight files of torch: their tensors are told without running anything, and whatever asks for more is refused."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from samples.torch_files import Tensor, as_torch, text, torch_old, torch_zip

from mlx_convert_core.plugin import CorruptCheckpoint, inspect_folder, read_torch

VALUES = bytes(range(48))
TENSORS = {
    "weight": Tensor("F32", (3, 4), (4, 1), "0"),
    "tied": Tensor("F32", (3, 4), (4, 1), "0"),
    "rows": Tensor("F32", (2, 4), (4, 1), "0", 4),
    "turned": Tensor("F32", (4, 3), (1, 4), "0"),
    "number": Tensor("I64", (), (), "1"),
}
STORAGES = {"0": VALUES, "1": bytes(8)}
PROTO = b"\x80\x02"
# What pickles that harm begin with: a name that they call, or a way to make an object.
HOSTILE = {
    "a command": b"cposix\nsystem\n" + text("echo owned > owned") + b"\x85R.",
    "a name by its parts": text("builtins") + text("eval") + b"\x93" + text("open('owned','w')") + b"\x85R.",
    "a way round": b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
    "a class that is called": b"(c__builtin__\nlist\no.",
    "an instance": b"(i__builtin__\nlist\n.",
    "a new object": b"ccollections\nOrderedDict\n)\x81.",
    "an extension": b"\x82\x01.",
    "a module": b"ctorch.nn.modules.linear\nLinear\n)R.",
    "what numpy makes": b"cnumpy.core.multiarray\n_reconstruct\n)R.",
}
DAMAGED = {
    "an unknown instruction": b"}\xff.",
    "no end": b"}",
    "a memo that is not there": b"h\x07.",
    "a text that is cut short": b"X\xff\xff\xff\xffab.",
    "a call with no arguments": b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
    "a call of a type": b"ctorch\nFloatStorage\n)R.",
    "a key that never ends": b"}" + b")\x85" * 3 + b"Ns.",
    "attributes of a number": b"K\x01}b.",
}


_NOTICED: list[list[str]] = []  # those who watch what Python does, if anybody


@contextmanager
def watched() -> Iterator[list[str]]:
    """What Python imports, compiles and starts during the body."""
    if not _NOTICED:
        sys.addaudithook(_note)
        _NOTICED.append([])
    _NOTICED.append([])
    try:
        yield _NOTICED[-1]
    finally:
        _NOTICED.append([])


def _note(event: str, _: tuple[object, ...]) -> None:
    if event in ("import", "exec", "compile", "pickle.find_class") or event.startswith(("os.sy", "os.ex", "subpro")):
        _NOTICED[-1].append(event)


def written(folder: Path, data: bytes, name: str = "pytorch_model.bin") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("make", [torch_zip, torch_old])
def test_tensors_are_where_their_storage_is(tmp_path: Path, make: object) -> None:
    path = written(tmp_path, make(TENSORS, STORAGES))  # type: ignore[operator]
    data = path.read_bytes()
    found = {tensor.name: tensor for tensor in read_torch(path)}
    assert list(found) == list(TENSORS)
    assert {name: (one.dtype, one.shape) for name, one in found.items()} == {
        name: (one.dtype, one.shape) for name, one in TENSORS.items()
    }
    assert data[found["weight"].start : found["weight"].end] == VALUES
    assert data[found["rows"].start : found["rows"].end] == VALUES[16:]
    assert found["tied"].start == found["weight"].start
    assert (found["turned"].strides, found["weight"].strides) == ((1, 4), ())


@pytest.mark.parametrize("pickle", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_pickle_that_asks_for_more_is_refused_and_nothing_is_run(tmp_path: Path, pickle: bytes) -> None:
    path = written(tmp_path, torch_zip({}, {}, PROTO + pickle))
    with watched() as noticed, pytest.raises(CorruptCheckpoint) as caught:
        read_torch(path)
    assert caught.value.code in ("pickle_refused", "corrupt_header")
    assert not noticed
    assert not Path("owned").exists()


def test_what_is_asked_for_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, torch_zip({}, {}, PROTO + HOSTILE["a command"]))
    with pytest.raises(CorruptCheckpoint, match=r"asks for 'posix.system'.*nothing of it was run") as caught:
        read_torch(path)
    assert (caught.value.code, "safetensors" in caught.value.hint) == ("pickle_refused", True)


@pytest.mark.parametrize("pickle", DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_pickle_is_refused(tmp_path: Path, pickle: bytes) -> None:
    path = written(tmp_path, torch_zip({}, {}, PROTO + pickle))
    with pytest.raises(CorruptCheckpoint) as caught:
        read_torch(path)
    assert caught.value.code == "corrupt_header"


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor("F32", (4, 4), (4, 1), "0"),  # beyond its storage
        Tensor("F32", (3, 4), (4, 1), "0", 1),
        Tensor("F32", (2,), (-1,), "0", 1),
        Tensor("F32", (1 << 30, 1 << 30, 1 << 30), (0, 0, 0), "0"),
        Tensor("F32", (2, 2), (2,), "0"),
    ],
    ids=["too long", "too far", "backwards", "uncountable", "half a shape"],
)
def test_a_tensor_that_its_storage_can_not_hold_is_refused(tmp_path: Path, tensor: Tensor) -> None:
    path = written(tmp_path, torch_zip({"weight": tensor}, {"0": VALUES}))
    with pytest.raises(CorruptCheckpoint) as caught:
        read_torch(path)
    assert caught.value.code == "corrupt_header"


def test_other_kinds_of_files_are_told_apart(tmp_path: Path) -> None:
    whole = torch_zip(TENSORS, STORAGES)
    packed = bytearray(whole)
    at = whole.rindex(b"PK\x01\x02")
    packed[at + 10 : at + 12] = struct.pack("<H", 8)
    for data, code in (
        (b"", "empty_file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "lfs_pointer"),
        (b"<html>" * 50, "torch_format"),
        (whole[:-40], "truncated"),
        (bytes(packed), "torch_format"),
        (torch_old(TENSORS, STORAGES)[:-1], "truncated"),
        (whole.replace(b"little", b"big\0\0\0"), "torch_format"),
    ):
        with pytest.raises(CorruptCheckpoint) as caught:
            read_torch(written(tmp_path, data))
        assert caught.value.code in (code, "corrupt_header" if data.startswith(b"PK") else code)


def test_weights_inside_what_a_training_program_saved_are_found(tmp_path: Path) -> None:
    tensors = torch_zip({"weight": TENSORS["weight"]}, STORAGES)
    start = tensors.index(PROTO)
    inner = tensors[start + 2 : tensors.index(b"b.", start) + 1]
    both = PROTO + b"}(" + text("epoch") + b"K\x03" + text("state_dict") + inner + b"u."
    [found] = read_torch(written(tmp_path, torch_zip({}, STORAGES, both)))
    assert (found.name, found.shape) == ("weight", (3, 4))


def test_safetensors_are_taken_where_there_are_both(tiny_llama: Path) -> None:
    (tiny_llama / "pytorch_model.bin").write_bytes(torch_zip({}, {}, PROTO + HOSTILE["a command"]))
    assert inspect_folder(tiny_llama).shards == ("model.safetensors",)


def test_what_training_leaves_beside_the_weights_is_not_read(tiny_llama: Path, tmp_path: Path) -> None:
    folder = as_torch(tiny_llama, tmp_path / "torch", shards=2)
    for name in ("training_args.bin", "optimizer.pt", "rng_state.pth", "adapter_model.bin", "scheduler.pt"):
        (folder / name).write_bytes(torch_zip({}, {}, PROTO + HOSTILE["a command"]))
    (folder / "pytorch_model.fp16.bin").write_bytes(torch_zip({"model.norm.weight": TENSORS["weight"]}, STORAGES))
    names = ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")
    assert inspect_folder(folder).shards == names


def test_a_missing_part_is_named(tiny_llama: Path, tmp_path: Path) -> None:
    folder = as_torch(tiny_llama, tmp_path / "torch", shards=2)
    (folder / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(CorruptCheckpoint, match=r"pytorch_model-00002-of-00002\.bin") as caught:
        inspect_folder(folder)
    assert caught.value.code == "missing_shard"
