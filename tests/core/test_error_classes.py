"""Errors come back from another process as what they were, and are short enough to be read."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from mlx_convert_core import Finding, InvalidRequest, MlxConvertError, load_recipe
from mlx_convert_core.plugin import ErrorInfo


class QuotaExceeded(MlxConvertError):
    """Has a constructor of its own, as a plugin's may."""

    default_code = "quota"

    def __init__(self, used: int, allowed: int) -> None:
        super().__init__(f"{used} of {allowed} are used.", hint="Wait until tomorrow.")


def test_an_error_class_with_its_own_constructor_comes_back() -> None:
    error = QuotaExceeded(7, 5)
    for back in (ErrorInfo.of(error).exception(), pickle.loads(pickle.dumps(error))):
        assert type(back) is QuotaExceeded
        assert (back.code, back.message, back.hint) == ("quota", "7 of 5 are used.", "Wait until tomorrow.")
        assert str(back) == "7 of 5 are used."


def test_a_megabyte_of_somebody_elses_is_not_said_in_full(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps({"outputs": [{"mode": "é" * 100_000}]}))
    with pytest.raises(InvalidRequest, match="characters…") as refused:
        load_recipe(tmp_path / "r.json")
    message = refused.value.message
    assert message.startswith(str(tmp_path))
    assert message.endswith("$.outputs[0].mode`.")
    texts = message, Finding(code="x", level="info", message="é" * 1_000_000).message, _unexpected("é" * 1_000_000)
    assert all(len(text) < 6_000 for text in texts)


def _unexpected(text: str) -> str:
    return ErrorInfo.of(ValueError(text)).message
