"""`fit:this-mac-16k`: as large as this machine runs with a context, by the one arithmetic of what fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mlx_convert_lm.here import Here, here_named

from mlx_convert_core import ConvertRequest, InvalidRequest, Quantization, Workspace
from mlx_convert_core.model.fit import BESIDE_WEIGHTS
from mlx_convert_core.plugin import (
    ModelInfo,
    SetOption,
    cache_estimate,
    inspect_folder,
    read_recipe,
    read_record,
    recipe_of,
    to_json,
)

pytestmark = pytest.mark.usefixtures("short_text")

BITS = Quantization(bits=4, group_size=32)
MODEL = ModelInfo(ref="x", name="X", config={"max_position_embeddings": 32768})
LONG = 256  # tokens


@pytest.fixture
def cache(tiny_llama: Path) -> int:
    """Bytes of the cache of `LONG` tokens: a llama's keys and values are what its config says."""
    return cache_estimate(inspect_folder(tiny_llama).config, LONG)


def lend(monkeypatch: pytest.MonkeyPatch, nbytes: int) -> None:
    monkeypatch.setattr("mlx_convert_core.base.memory.lent_memory", lambda: nbytes)


def asked(source: Path, output: Path, strategy: str = f"fit:this-mac-{LONG}") -> ConvertRequest:
    return ConvertRequest(ref=str(source), group_size=32, strategy=strategy, output=output)


@pytest.mark.parametrize(
    ("name", "context"), [("fit:this-mac", 4096), ("fit:this-mac-16k", 16384), ("fit:this-mac-300", 300)]
)
def test_a_context_is_read_in_tokens(name: str, context: int) -> None:
    assert here_named(name, MODEL, BITS) == Here(context=context)
    assert here_named("fit:6GB", MODEL, BITS) is None


@pytest.mark.parametrize(
    ("name", "code"),
    [("fit:this-mac-", "context"), ("fit:this-mac-0", "context"), ("fit:this-mac-64k", "context_long")],
)
def test_a_context_that_can_not_be_had_is_refused(name: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        here_named(name, MODEL, BITS)
    assert caught.value.code == code
    (step,) = caught.value.remedies
    assert isinstance(step, SetOption)
    assert here_named(str(step.value), MODEL, BITS)


def test_the_result_fills_what_is_lent_and_its_recipe_gives_the_same_on_any_machine(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, cache: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 180_000
    lend(monkeypatch, room + cache + BESIDE_WEIGHTS)
    request = asked(tiny_llama, tmp_path / "out")
    made = workspace.convert(request, inline=True).result().models[0]
    assert made.chosen is not None
    kind, _, size = made.chosen.strategy.partition(":")
    assert kind == "fit"
    assert 0.9 * room < made.weight_bytes <= int(size) < room + 10_000
    record = read_record(tmp_path / "out")
    assert record is not None
    (told,) = [finding for finding in record.findings if finding.code == "fits_here"]
    assert "a context of 256 tokens" in told.message
    assert "180 kB for weights" in told.message
    lend(monkeypatch, 1 << 40)
    recipe = tmp_path / "recipe.json"
    recipe.write_bytes(to_json(recipe_of(tmp_path / "out", lambda ref: ref)))
    again = replace(read_recipe(recipe, ref=str(tiny_llama)), output=(str(tmp_path / "again"),))
    workspace.convert(again, inline=True).result()
    assert (tmp_path / "again/model.safetensors").read_bytes() == (tmp_path / "out/model.safetensors").read_bytes()


def test_where_nothing_fits_it_says_what_the_smallest_takes(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, cache: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lend(monkeypatch, cache + BESIDE_WEIGHTS + 10_000)
    with pytest.raises(InvalidRequest, match=r"takes about 500 MB of memory: .* of weights and") as no:
        workspace.convert(asked(tiny_llama, tmp_path / "out"), inline=True).result()
    assert no.value.code == "budget_small"


@pytest.mark.parametrize(("nbytes", "code"), [(1 << 40, "budget_large"), (0, "memory_unknown")])
def test_a_machine_that_needs_no_choice_or_does_not_tell_is_named(
    workspace: Workspace, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nbytes: int, code: str
) -> None:
    lend(monkeypatch, nbytes)
    with pytest.raises(InvalidRequest) as caught:
        workspace.convert(asked(tiny_llama, tmp_path / "out"), inline=True).result()
    assert caught.value.code == code
