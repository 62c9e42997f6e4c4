"""Headers of weight files: what is written is read back, and nothing that a file holds is trusted."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_convert_core.model.safetensors import DTYPE_BYTES
from mlx_convert_core.model.safetensors_layout import layout
from mlx_convert_core.plugin import CorruptCheckpoint, TensorInfo, parse_header, read_header

names = st.text(st.characters(exclude_categories=("Cs",)), max_size=20).filter(lambda name: name != "__metadata__")
shapes = st.lists(st.integers(0, 6), max_size=4).map(tuple)
tensors = st.lists(
    st.builds(TensorInfo, name=names, dtype=st.sampled_from(sorted(DTYPE_BYTES)), shape=shapes),
    max_size=8,
    unique_by=lambda tensor: tensor.name,
)


def written(path: Path, header: bytes, body: bytes = b"") -> Path:
    path.write_bytes(len(header).to_bytes(8, "little") + header + body)
    return path


@given(tensors=tensors, metadata=st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), st.just("x")))
def test_a_layout_reads_back_as_the_tensors_it_was_made_of(
    tmp_path_factory: pytest.TempPathFactory, tensors: list[TensorInfo], metadata: dict[str, str]
) -> None:
    plan = layout(tensors, metadata)
    path = tmp_path_factory.getbasetemp() / "laid-out.safetensors"
    path.write_bytes(plan.header.ljust(plan.file_bytes, b"\0"))
    read = read_header(path)
    assert {(one.name, one.dtype, one.shape) for one in read} == {(one.name, one.dtype, one.shape) for one in tensors}
    assert {one.name: one.start for one in read} == dict(plan.offsets)
    assert len(plan.header) % 8 == 0


def test_tensors_come_in_file_order() -> None:
    plan = layout([TensorInfo(name=name, dtype="F32", shape=(2,)) for name in "zya"])
    assert [one.name for one in parse_header(plan.header[8:], plan.file_bytes, "x")] == ["z", "y", "a"]


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
entries = st.fixed_dictionaries(
    {
        "dtype": junk | st.sampled_from(sorted(DTYPE_BYTES)),
        "shape": junk | st.lists(st.integers(-1, 3), max_size=3),
        "data_offsets": junk | st.lists(st.integers(-1, 40), min_size=2, max_size=2),
    }
)


@given(header=st.dictionaries(st.text(max_size=5), entries | junk, max_size=4) | junk, size=st.integers(0, 200))
def test_a_header_that_lies_is_a_corrupt_checkpoint_and_nothing_else(header: Any, size: int) -> None:
    accepts_or_refuses(json.dumps(header).encode(), size)


@given(header=st.binary(max_size=60), size=st.integers(0, 200))
def test_any_bytes_for_a_header_are_a_corrupt_checkpoint_and_nothing_else(header: bytes, size: int) -> None:
    accepts_or_refuses(header, size)


def accepts_or_refuses(header: bytes, size: int) -> None:
    """Whatever is accepted fits the file exactly, and its names are text; anything else raises one kind of error."""
    with suppress(CorruptCheckpoint):
        found = parse_header(header, 8 + len(header) + size, "model.safetensors")
        assert sum(tensor.nbytes for tensor in found) == size
        assert all(tensor.name.encode() or True for tensor in found)


@settings(max_examples=200)
@given(content=st.binary(max_size=200))
def test_a_file_of_garbage_is_a_corrupt_checkpoint(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.safetensors"
    path.write_bytes(content)
    with pytest.raises(CorruptCheckpoint):
        read_header(path)


@given(cut=st.integers(1, 200))
def test_a_file_cut_short_anywhere_is_a_corrupt_checkpoint(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    plan = layout([TensorInfo(name="a", dtype="BF16", shape=(4, 8)), TensorInfo(name="b", dtype="U8", shape=(40,))])
    path = tmp_path_factory.getbasetemp() / "cut.safetensors"
    path.write_bytes(plan.header.ljust(plan.file_bytes, b"\0")[:-cut])
    with pytest.raises(CorruptCheckpoint):
        read_header(path)


GOOD = '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "lfs_pointer"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "corrupt_header"),
        (b"\0" * 100, "corrupt_header"),
        (b"abc", "corrupt_header"),
        ((1000).to_bytes(8, "little") + b"{}", "truncated"),
        ((2**63).to_bytes(8, "little") + b"{}", "corrupt_header"),
    ],
    ids=["empty", "lfs pointer", "html", "zeros", "too short", "header beyond the end", "absurd length"],
)
def test_what_is_no_weight_file_is_named_for_what_it_is(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CorruptCheckpoint) as caught:
        read_header(path)
    assert caught.value.code == code
    assert "model.safetensors" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("header", "body", "code"),
    [
        (GOOD, b"123", "truncated"),
        (GOOD, b"12345", "corrupt_header"),
        (GOOD.replace("[0,4]", "[0,3]"), b"123", "corrupt_header"),
        (GOOD.replace("[0,4]", "[1,5]"), b"12345", "corrupt_header"),
        (GOOD.replace("[0,4]", "[-4,0]"), b"1234", "corrupt_header"),
        (GOOD.replace("[4]", "[true,4]"), b"1234", "corrupt_header"),
        (GOOD.replace("U8", "Q4"), b"1234", "corrupt_header"),
        (GOOD.replace('"U8"', "[]"), b"1234", "corrupt_header"),
        (GOOD.replace('"a"', r'"\ud800"'), b"1234", "corrupt_header"),
        ("[" * 100_000, b"", "corrupt_header"),
        ("[]", b"", "corrupt_header"),
        (json.dumps({name: {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]} for name in "ab"}), b"1234", None),
    ],
    ids=[
        "one byte short", "one byte over", "shape and offsets differ", "a gap at the start", "negative", "not a number",
        "unknown dtype", "dtype of a wrong type", "name that is no text", "nested too deep", "no object", "overlap",
    ],
)  # fmt: skip
def test_lying_offsets_and_sizes_are_found(tmp_path: Path, header: str, body: bytes, code: str | None) -> None:
    with pytest.raises(CorruptCheckpoint) as caught:
        read_header(written(tmp_path / "model.safetensors", header.encode(), body))
    assert caught.value.code == (code or "corrupt_header")


def test_a_header_in_another_encoding_than_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptCheckpoint):
        read_header(written(tmp_path / "model.safetensors", GOOD.encode("utf-16"), b"1234"))


def test_reading_a_header_reads_no_weight(tmp_path: Path) -> None:
    """A sparse file of a terabyte: whoever read its weights would not come back soon."""
    plan = layout([TensorInfo(name="a", dtype="U8", shape=(1 << 40,))])
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write(plan.header)
        file.truncate(plan.file_bytes)
    assert read_header(path)[0].nbytes == 1 << 40


@pytest.mark.parametrize("metadata", [b"null", b'{"format":"mlx"}', b'{"epochs":3}'])
def test_metadata_is_whatever_its_maker_wrote(tmp_path: Path, metadata: bytes) -> None:
    header = GOOD.encode().replace(b"{", b'{"__metadata__":' + metadata + b",", 1)
    [tensor] = read_header(written(tmp_path / "model.safetensors", header, b"1234"))
    assert tensor.name == "a"
