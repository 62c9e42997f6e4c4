"""What is relied on in mlx-lm and MLX beyond their documented calls: each touchpoint fails with a sentence."""

from __future__ import annotations

import importlib
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from mlx_convert_lm import architectures, contract
from mlx_convert_lm.contract import TOUCHPOINTS, Touchpoint, all_broken


@pytest.mark.parametrize("touchpoint", TOUCHPOINTS, ids=lambda touchpoint: touchpoint.name)
def test_the_installed_release_keeps(touchpoint: Touchpoint) -> None:
    assert not touchpoint.broken(), f"{touchpoint.broken()}: {touchpoint.used_by} relies on it"


def test_the_program_tells_of_each_whether_it_holds() -> None:
    told = subprocess.run([sys.executable, "-m", "mlx_convert_lm.contract"], capture_output=True, text=True, check=True)
    assert [line.rpartition(": ") for line in told.stdout.splitlines()] == [
        (touchpoint.name, ": ", "holds") for touchpoint in TOUCHPOINTS
    ]


def drift(monkeypatch: pytest.MonkeyPatch, target: str, value: Any) -> set[str]:
    """The names of the touchpoints that break when ``target`` is another thing."""
    monkeypatch.setattr(target, value)
    return {touchpoint.name for touchpoint, reason in all_broken() if reason}


def test_a_renamed_keyword_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_model(path: str, lazily: bool) -> None: ...

    assert drift(monkeypatch, "mlx_lm.utils.load_model", load_model) == {"load_model"}


def test_a_table_that_is_no_literal_any_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drift(monkeypatch, "mlx_lm.utils.MODEL_REMAPPING", {"new": "llama"}) == {"other names of model types"}


def test_another_graph_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drift(monkeypatch, "mlx.core.export_to_dot", lambda file, array: None) == {"graph export"}


def test_experts_of_another_class_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drift(monkeypatch, "mlx_convert_lm.adapter.is_switch_linear", lambda layer: False) == {
        "layers of stacked experts"
    }


def test_another_way_to_a_detokenizer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlx_lm.tokenizer_utils import NaiveStreamingDetokenizer

    made = property(lambda wrapper: NaiveStreamingDetokenizer(wrapper))
    assert drift(monkeypatch, "mlx_lm.tokenizer_utils.TokenizerWrapper.detokenizer", made) == {"detokenizer"}


def test_frequencies_of_another_name_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlx_lm.models import rope_utils

    def renamed(*arguments: Any) -> Any:
        made = initialize(*arguments)
        made._own, made._freqs = made.get("_freqs"), None
        return made

    initialize = rope_utils.initialize_rope
    assert drift(monkeypatch, "mlx_lm.models.rope_utils.initialize_rope", renamed) == {"rotary positions"}


def test_caches_that_grow_otherwise_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drift(monkeypatch, "mlx_lm.models.cache.KVCache.step", 64) == {"key/value caches"}


def test_an_answer_without_its_reason_to_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def response(text: str, token: int) -> None: ...

    # By a path in words, mlx_lm.generate would be the function of this name.
    monkeypatch.setattr(importlib.import_module("mlx_lm.generate"), "GenerationResponse", response)
    assert {touchpoint.name for touchpoint, reason in all_broken() if reason} == {"generation"}


def test_a_check_that_breaks_itself_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "TOUCHPOINTS", (Touchpoint("one", "here", lambda: str(1 / 0)),))
    [(touchpoint, reason)] = all_broken()
    assert (touchpoint.name, "ZeroDivisionError" in reason) == ("one", True)


def test_an_annotated_table_is_read_too(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "utils.py").write_text('MODEL_REMAPPING: dict[str, str] = {"a": "llama"}\nMODEL_OTHER = {"b": "c"}\n')
    monkeypatch.setattr(architectures, "_package", lambda: tmp_path)
    read = architectures.literal_tables.__wrapped__()
    assert SimpleNamespace(**read) == SimpleNamespace(MODEL_REMAPPING={"a": "llama"}, MODEL_OTHER={"b": "c"})


def test_a_tool_that_takes_no_text_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def gptq_quantize(model: object, bits: int) -> None: ...

    assert drift(monkeypatch, "mlx_lm.quant.gptq.gptq_quantize", gptq_quantize) == {"tools that quantize"}
