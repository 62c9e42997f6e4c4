"""Text that JSON can't hold, half of a surrogate pair or a byte of a file's name, breaks nothing on its way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlx_convert_core import InvalidRequest
from mlx_convert_core.base import codec
from mlx_convert_core.plugin import ErrorInfo, FileInfo, read_json

ANY = st.text(st.characters(), max_size=8) | st.text(st.sampled_from("a\ud800\udfff\udcfc😀"), max_size=4)


def whole(text: str) -> bool:
    return not any("\ud800" <= mark <= "\udfff" for mark in text)


@given(key=ANY, text=ANY, ascii_only=st.booleans(), encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-32-be"]))
def test_what_is_read_can_be_written(key: str, text: str, ascii_only: bool, encoding: str) -> None:
    data = json.dumps([key, text], ensure_ascii=ascii_only).encode(encoding, "surrogatepass")
    meant = json.loads(data)  # two halves that stand together are one character
    if all(map(whole, meant)):
        assert codec.decode(codec.to_json(read_json(data)), list[str]) == meant
    else:
        with pytest.raises(ValueError, match="is half of a character"):
            read_json(data)


@given(text=ANY)
def test_any_message_of_an_error_crosses_to_another_process(text: str) -> None:
    sent = codec.to_json(ErrorInfo(kind="SourceError", code="x", message=text))
    told = codec.decode(sent, ErrorInfo).message
    assert whole(told)
    assert told == text or not whole(text)


def test_a_path_that_is_no_text_is_written_out() -> None:
    assert (
        codec.to_json({"path": Path("m\udcfcn"), "\ud800": ("\udfff",)})
        == b'{"path":"m\\\\xfcn","\\\\ud800":["\\\\udfff"]}'
    )


def test_a_file_of_a_source_has_a_name_in_text() -> None:
    with pytest.raises(InvalidRequest, match=r"the name 'm\\xfcn' in sub is not UTF-8"):
        FileInfo(name="sub/m\udcfcn", size=1)
