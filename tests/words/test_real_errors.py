"""Errors as they are raised for real: the sentence that each was made from is found, and its values are."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import core_texts
import pytest
from mlx_convert_hub.trouble.explain import refusal
from mlx_convert_hub.trouble.seen import Situation
from mlx_convert_hub.trouble.table import ROWS
from mlx_convert_ui.words.texts import Texts

from mlx_convert_core import ConvertRequest, GenerateRequest, MlxConvertError, Workspace, load_recipe
from mlx_convert_core.plugin import ErrorInfo, UploadRequest, inspect_folder
from mlx_convert_core.running.context import cancelled_error

MARK = "✓ "
KNOWN = Texts((entry.message, MARK + entry.message) for entry in core_texts.extracted())


def _is_found(text: str) -> None:
    said = KNOWN.say(text)
    assert said.startswith(MARK), text
    assert said.replace(MARK, "") == text


def _file(folder: Path, content: bytes, name: str = "model.safetensors") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / name).write_bytes(content)
    return folder


HEADER = b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'
LENGTH = len(HEADER).to_bytes(8, "little")
RAISED: dict[str, Callable[[Path], object]] = {
    "no folder": lambda here: inspect_folder(here / "none. at all: really"),
    "an empty folder": lambda here: inspect_folder(here),
    "an empty file": lambda here: inspect_folder(_file(here / "x.y: z", b"")),
    "a web page": lambda here: inspect_folder(_file(here, b"<html>" * 100)),
    "a file cut short": lambda here: inspect_folder(_file(here, LENGTH + HEADER + bytes(4))),
    "a file that is too long": lambda here: inspect_folder(_file(here, LENGTH + HEADER + bytes(40))),
    "a header without an end": lambda here: inspect_folder(_file(here, (900).to_bytes(8, "little") + HEADER)),
    "a pointer of Git LFS": lambda here: inspect_folder(_file(here, b"version https://git-lfs.github.com/spec/v1\n")),
    "no JSON": lambda here: inspect_folder(_file(here, b"{", "config.json")),
    "a list for settings": lambda here: inspect_folder(_file(here, b"[]", "config.json")),
    "7 bits": lambda here: ConvertRequest(ref="a/b", bits=7),
    "groups of 5": lambda here: ConvertRequest(ref="a/b", group_size=5),
    "no model": lambda here: ConvertRequest(ref=""),
    "a preset twice": lambda here: ConvertRequest(ref="a/b", preset=("4bit", "4bit")),
    "no prompt": lambda here: GenerateRequest(prompt=""),
    "a hot sampler": lambda here: GenerateRequest(prompt="x", temperature=1e9),
    "no target": lambda here: UploadRequest.to(here, "nowhere"),
    "no recipe": lambda here: load_recipe(here / "none"),
    "an unknown field": lambda here: load_recipe(_file(here, b'{"mine": 1}', "recipe.json") / "recipe.json"),
    "a setting that is none": lambda here: Workspace(home=here).settings.set("volume", "11"),
    "a model that nobody keeps": lambda here: Workspace(home=here).find("no/such"),
}


@pytest.mark.parametrize("raised", RAISED.values(), ids=RAISED)
def test_the_sentence_of_an_error_is_found(raised: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(MlxConvertError) as caught:
        raised(tmp_path)
    _is_found(caught.value.message)
    if caught.value.hint:
        _is_found(caught.value.hint)


@pytest.mark.parametrize("code", sorted({row.code for row in ROWS}))
def test_the_sentences_of_what_the_hub_refuses_are_found(code: str) -> None:
    for uploading in (False, True):
        situation = Situation(
            repo_id="org/model. Or: not", revision="main", uploading=uploading, cache="/home/me/.cache/hub"
        )
        error = refusal(code, situation)
        _is_found(error.message)
        _is_found(error.hint)


@pytest.mark.parametrize("number", ["EACCES", "ENOSPC", "EROFS", "EIO", "EMFILE", "ENOENT", "EDQUOT"])
def test_the_sentence_of_what_the_system_refuses_is_found(number: str) -> None:
    told = ErrorInfo.of(OSError(getattr(errno, number), "x", "/Volumes/my disk: 2. no/file"))
    _is_found(told.message)
    _is_found(told.hint)


def test_the_sentences_of_an_end_are_found() -> None:
    for error in (cancelled_error(), MemoryError()):
        told = ErrorInfo.of(error)
        _is_found(told.message)
        _is_found(told.hint)
