"""Adapters that are fused as a model is read: equal to what their formulas give, and nothing of them is left out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_llama import HIDDEN, INNER, VOCABULARY, write_llama
from samples.adapters import (
    Arrays,
    numbers,
    read_tensors_of,
    with_lengths,
    write_adapter,
    write_mlx_adapter,
    write_tensors,
)
from samples.torch_files import as_torch

from mlx_convert_core import ConvertRequest, InvalidRequest, UnsupportedModel, Workspace
from mlx_convert_core.plugin import LeaveOut, recipe_of

LAYER = "model.layers.1"
Q, DOWN, EMBEDDING = f"{LAYER}.self_attn.q_proj", f"{LAYER}.mlp.down_proj", "model.embed_tokens"
PEFT = "base_model.model."
RANK = 4
SYNTHETIC = Path(__file__).parents[2] / "benchmarks" / "synthetic.py"


def pair(path: str, down: int, across: int, seed: int = 1, rank: int = RANK) -> Arrays:
    """The two factors of a layer, by their names in peft."""
    return {
        f"{PEFT}{path}.lora_A.weight": numbers(rank, across, seed=seed),
        f"{PEFT}{path}.lora_B.weight": numbers(down, rank, seed=seed + 1),
    }


def product(arrays: Arrays, path: str) -> Any:
    return arrays[f"{PEFT}{path}.lora_B.weight"] @ arrays[f"{PEFT}{path}.lora_A.weight"]


@dataclass(frozen=True)
class Case:
    """An adapter, and the tensors of the model with it, of those of the model without it."""

    write: Callable[[Path], Path]
    expected: Callable[[Arrays], Arrays]
    words: int = VOCABULARY


def of_lora() -> Case:
    arrays = {**pair(Q, HIDDEN, HIDDEN), **pair(DOWN, HIDDEN, INNER, seed=5, rank=2)}
    config = {"rank_pattern": {"down_proj": 2}, "alpha_pattern": {"mlp.down_proj": 16}}

    def expected(base: Arrays) -> Arrays:
        return {
            f"{Q}.weight": base[f"{Q}.weight"] + 8 / RANK * product(arrays, Q),
            f"{DOWN}.weight": base[f"{DOWN}.weight"] + 16 / 2 * product(arrays, DOWN),
        }

    return Case(lambda folder: write_adapter(folder, arrays, **config), expected)


def of_rslora() -> Case:
    arrays = pair(Q, HIDDEN, HIDDEN)
    return Case(
        lambda folder: write_adapter(folder, arrays, use_rslora=True),
        lambda base: {f"{Q}.weight": base[f"{Q}.weight"] + 8 / np.sqrt(RANK) * product(arrays, Q)},
    )


def of_dora() -> Case:
    lengths = np.abs(numbers(HIDDEN, seed=9)) + 0.5
    arrays = {**pair(Q, HIDDEN, HIDDEN), f"{PEFT}{Q}.lora_magnitude_vector": lengths}
    return Case(
        lambda folder: write_adapter(folder, arrays, use_dora=True),
        lambda base: {f"{Q}.weight": with_lengths(base[f"{Q}.weight"] + 2 * product(arrays, Q), lengths)},
    )


def of_turned() -> Case:
    """With fan_in_fan_out a layer's weight has inputs for rows: the lengths of DoRA are those of columns."""
    lengths = np.abs(numbers(HIDDEN, seed=9)) + 0.5
    arrays = {**pair(Q, HIDDEN, HIDDEN), f"{PEFT}{Q}.lora_magnitude_vector": lengths}

    def expected(base: Arrays) -> Arrays:
        return {f"{Q}.weight": with_lengths(base[f"{Q}.weight"] + 2 * product(arrays, Q).T, lengths, axis=0)}

    return Case(lambda folder: write_adapter(folder, arrays, use_dora=True, fan_in_fan_out=True), expected)


def of_embeddings() -> Case:
    one, other = numbers(RANK, VOCABULARY, seed=1), numbers(HIDDEN, RANK, seed=2)
    arrays = {f"{PEFT}{EMBEDDING}.lora_embedding_A": one, f"{PEFT}{EMBEDDING}.lora_embedding_B": other}
    return Case(
        lambda folder: write_adapter(folder, arrays),
        lambda base: {f"{EMBEDDING}.weight": base[f"{EMBEDDING}.weight"] + 2 * (other @ one).T},
    )


def of_new_words() -> Case:
    words = VOCABULARY + 8
    whole, norm = numbers(words, HIDDEN, seed=3), numbers(HIDDEN, seed=4) + 1
    arrays = {
        **pair(Q, HIDDEN, HIDDEN),
        f"{PEFT}{EMBEDDING}.weight": whole,
        f"{PEFT}model.norm.modules_to_save.default.weight": norm,
    }

    def expected(base: Arrays) -> Arrays:
        changed = base[f"{Q}.weight"] + 2 * product(arrays, Q)
        return {f"{Q}.weight": changed, f"{EMBEDDING}.weight": whole, "model.norm.weight": norm}

    config = {"modules_to_save": ["embed_tokens", "norm"]}
    return Case(lambda folder: write_adapter(folder, arrays, **config), expected, words)


def of_trained_words() -> Case:
    rows = numbers(2, HIDDEN, seed=6)
    arrays = {f"{PEFT}{EMBEDDING}.token_adapter.trainable_tokens_delta": rows}

    def expected(base: Arrays) -> Arrays:
        changed = base[f"{EMBEDDING}.weight"].copy()
        changed[[7, 300]] = rows
        return {f"{EMBEDDING}.weight": changed}

    config = {"trainable_token_indices": {"embed_tokens": [7, 300]}}
    return Case(lambda folder: write_adapter(folder, arrays, **config), expected)


def of_mlx(*, dora: bool = False) -> Case:
    one, other = numbers(HIDDEN, RANK, seed=1), numbers(RANK, HIDDEN, seed=2)
    words, dims = numbers(VOCABULARY, RANK, seed=3), numbers(RANK, HIDDEN, seed=4)
    lengths = np.abs(numbers(HIDDEN, seed=9)) + 0.5
    arrays = {
        f"{Q}.lora_a": one, f"{Q}.lora_b": other, f"{EMBEDDING}.lora_a": words, f"{EMBEDDING}.lora_b": dims,
        **({f"{Q}.m": lengths} if dora else {}),
    }  # fmt: skip

    def expected(base: Arrays) -> Arrays:
        changed = base[f"{Q}.weight"] + 10 * (one @ other).T
        changed = with_lengths(changed, lengths) if dora else changed
        return {f"{Q}.weight": changed, f"{EMBEDDING}.weight": base[f"{EMBEDDING}.weight"] + 10 * words @ dims}

    config = {"fine_tune_type": "dora" if dora else "lora", "lora_parameters": {"rank": RANK, "scale": 10.0}}
    return Case(lambda folder: write_mlx_adapter(folder, arrays, **config), expected)


CASES = {
    "LoRA with patterns": of_lora(), "rsLoRA": of_rslora(), "DoRA": of_dora(), "inputs for rows": of_turned(),
    "embeddings": of_embeddings(), "whole layers and new words": of_new_words(), "trained words": of_trained_words(),
    "of mlx-lm": of_mlx(), "DoRA of mlx-lm": of_mlx(dora=True),
}  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A llama in float32, so that only the formulas are compared."""
    folder = write_llama(tmp_path_factory.mktemp("adapters") / "tiny-llama", layers=2, torch_dtype="float32")
    write_tensors(folder / "model.safetensors", read_tensors_of(folder))
    return folder


def fused(source: Path, adapters: Path | tuple[Path, ...], workspace: Workspace, output: Path) -> Arrays:
    named = tuple(map(str, adapters)) if isinstance(adapters, tuple) else str(adapters)
    request = ConvertRequest(ref=str(source), adapter=named, preset="bf16", dtype="float32", output=output)
    workspace.convert(request, inline=True).result()
    return read_tensors_of(output)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_fused_model_is_what_the_formulas_say(
    source: Path, workspace: Workspace, tmp_path: Path, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlx_convert_engine.decoders.BLOCK_BYTES", 1 << 14)  # several blocks of a small tensor
    base = read_tensors_of(source)
    found = fused(source, case.write(tmp_path / "lora"), workspace, tmp_path / "out")
    expected = {**base, **case.expected(base)}
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6, err_msg=name)
    assert json.loads((tmp_path / "out" / "config.json").read_bytes())["vocab_size"] == case.words


def test_the_plan_is_exact_and_says_what_is_fused(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    adapter = CASES["whole layers and new words"].write(tmp_path / "lora")
    request = ConvertRequest(ref=str(source), adapter=str(adapter), preset="8bit", output=tmp_path / "out")
    plan = workspace.plan(request)
    told = next(finding for finding in plan.findings if finding.code == "adapter")
    assert "fused into 3 of 20 tensors, with whole tensors" in told.message
    workspace.convert(request).result()
    assert (tmp_path / "out" / "model.safetensors").stat().st_size == plan.outputs[0].weight_bytes
    record = json.loads((tmp_path / "out" / "mlx_convert.json").read_bytes())
    assert [one["ref"] for one in record["adapters"]] == ["lora"]
    assert len(record["adapters"][0]["sha256"]) == 64
    assert "adapter" not in recipe_of(tmp_path / "out", str)  # it is only here


@pytest.mark.parametrize(
    ("arrays", "config", "code", "words"),
    [
        (pair("model.layers.7.self_attn.q_proj", HIDDEN, HIDDEN), {}, "adapter_unmatched", "layers.7"),
        (pair("lm_head", VOCABULARY, HIDDEN), {}, "adapter_unmatched", "lm_head"),
        (pair(Q, HIDDEN, HIDDEN + 1), {}, "adapter_misfit", "q_proj"),
        ({f"{PEFT}{Q}.lora_A.weight": numbers(RANK, HIDDEN)}, {}, "adapter_misfit", "only a part"),
        (pair(Q, HIDDEN, HIDDEN), {"peft_type": "IA3"}, "adapter_kind", "IA3"),
        (pair(Q, HIDDEN, HIDDEN), {"init_lora_weights": "pissa_niter_4"}, "adapter_kind", "pissa"),
        (pair(Q, HIDDEN, HIDDEN), {"alora_invocation_tokens": [1]}, "adapter_kind", "alora_invocation_tokens"),
        (pair(Q, HIDDEN, HIDDEN), {"alpha_pattern": {"(a+)+b": 2}}, "adapter_kind", "pattern"),
        (pair(Q, HIDDEN, HIDDEN), {"lora_alpha": "much"}, "adapter_misfit", "no scale"),
        (pair(Q, HIDDEN, HIDDEN, rank=16), {"r": 8}, "adapter_misfit", "rank 16, and its config says 8"),
        (pair(Q, HIDDEN, HIDDEN), {"rank_pattern": {"q_proj": 2}}, "adapter_misfit", "rank 4, and its config says 2"),
        (pair(Q, HIDDEN, HIDDEN), {"alpha_pattern": ["q_proj"]}, "adapter_misfit", "alpha_pattern"),
        (pair(Q, HIDDEN, HIDDEN) | {f"{PEFT}{Q}.lora_A.weight": numbers()}, {}, "adapter_misfit", "rank 0"),
    ],
    ids=["a layer too many", "a head that is shared", "another shape", "half", "another kind", "another beginning",
         "only sometimes", "an endless pattern", "no number", "another rank", "another rank of a pattern",
         "a pattern that is none", "a factor that is one number"],
)  # fmt: skip
def test_an_adapter_that_does_not_fit_is_refused_by_name(
    source: Path, workspace: Workspace, tmp_path: Path, arrays: Arrays, config: dict[str, Any], code: str, words: str
) -> None:
    adapter = write_adapter(tmp_path / "lora", arrays, **config)
    plan = workspace.plan(ConvertRequest(ref=str(source), adapter=str(adapter), output=tmp_path / "out"), exact=False)
    [refusal] = plan.errors
    assert refusal.code == code
    assert words in refusal.message
    assert refusal.remedies == (LeaveOut("adapter"),)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rank": 8, "scale": 10.0}, "rank 4, and its config says 8"),
        ({"rank": RANK, "alpha": 16}, "an alpha, 16, and no scale"),
    ],
)
def test_an_adapter_of_mlx_whose_config_is_of_another_is_refused(
    source: Path, workspace: Workspace, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    arrays = {f"{Q}.lora_a": numbers(HIDDEN, RANK, seed=1), f"{Q}.lora_b": numbers(RANK, HIDDEN, seed=2)}
    adapter = write_mlx_adapter(tmp_path / "lora", arrays, lora_parameters=settings)
    plan = workspace.plan(ConvertRequest(ref=str(source), adapter=str(adapter), output=tmp_path / "out"), exact=False)
    [refusal] = plan.errors
    assert refusal.code == "adapter_misfit"
    assert words in refusal.message


def test_another_base_is_told_and_a_copy_of_it_is_not(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    told = {}
    for number, base in enumerate(("org/another", "unsloth/Tiny-Llama-bnb-4bit", "/home/me/tiny-llama", None)):
        config = {"base_model_name_or_path": base}
        adapter = write_adapter(tmp_path / f"lora{number}", pair(Q, HIDDEN, HIDDEN), **config)
        request = ConvertRequest(ref=str(source), adapter=str(adapter), output=tmp_path / "out")
        found = workspace.plan(request, exact=False).findings
        told[base] = [(finding.code, finding.level) for finding in found if finding.code == "adapter_base"]
    assert told.pop("org/another") == [("adapter_base", "warning")]
    assert not any(told.values())


def test_a_packed_model_is_unpacked_before_it_is_changed(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    workspace.convert(ConvertRequest(ref=str(source), preset="8bit", output=packed), inline=True).result()
    plain = tmp_path / "plain"
    request = ConvertRequest(ref=str(packed), preset="bf16", dtype="float32", output=plain)
    workspace.convert(request, inline=True).result()
    case = CASES["LoRA with patterns"]
    found = fused(packed, case.write(tmp_path / "lora"), workspace, tmp_path / "out")
    base = read_tensors_of(plain)
    for name, values in {**base, **case.expected(base)}.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6, err_msg=name)


def test_files_of_torch_and_an_adapter_of_torch_go_together(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    case = CASES["DoRA"]
    adapter = case.write(tmp_path / "lora")
    files = as_torch(adapter, tmp_path / "torch-lora", turned=True)
    (files / "pytorch_model.bin").rename(files / "adapter_model.bin")
    found = fused(as_torch(source, tmp_path / "torch", turned=True), files, workspace, tmp_path / "out")
    base = read_tensors_of(source)
    name = f"{Q}.weight"
    np.testing.assert_allclose(found[name], case.expected(base)[name], rtol=1e-5, atol=1e-6)


def test_what_is_no_adapter_is_named(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    request = ConvertRequest(ref=str(source), adapter=str(source), output=tmp_path / "out")
    with pytest.raises(InvalidRequest, match="holds no adapter") as caught:
        workspace.plan(request)
    assert caught.value.code == "no_adapter"


def test_a_tool_that_runs_the_model_says_that_it_can_not(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    adapter = CASES["rsLoRA"].write(tmp_path / "lora")
    request = ConvertRequest(ref=str(source), adapter=str(adapter), method="mlx-lm:gptq", output=tmp_path / "out")
    with pytest.raises(UnsupportedModel, match="with the adapter lora beside it") as caught:
        workspace.plan(request)
    assert caught.value.code == "stored_type"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("LoRA with patterns", "of mlx-lm"),
        ("rsLoRA", "DoRA"),
        ("whole layers and new words", "rsLoRA"),
        ("inputs for rows", "trained words"),
    ],
)
def test_several_are_fused_in_this_order(
    source: Path, workspace: Workspace, tmp_path: Path, first: str, second: str
) -> None:
    """Changes add up; lengths (DoRA) are set for what those before have left."""
    base = read_tensors_of(source)
    adapters = tuple(CASES[name].write(tmp_path / f"lora{number}") for number, name in enumerate((first, second)))
    found = fused(source, adapters, workspace, tmp_path / "out")
    once = {**base, **CASES[first].expected(base)}
    expected = {**once, **CASES[second].expected(once)}
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6, err_msg=name)
    record = json.loads((tmp_path / "out" / "mlx_convert.json").read_bytes())
    assert [one["ref"] for one in record["adapters"]] == ["lora0", "lora1"]
    assert (tmp_path / "out" / "README.md").read_text().count("With the adapter lora") == 2


def test_several_changes_of_a_number_are_rounded_once(workspace: Workspace, tmp_path: Path) -> None:
    """Of a model in bfloat16, too: the sum in float32 is what is rounded."""
    source = write_llama(tmp_path / "tiny-llama", layers=2)
    base = read_tensors_of(source)[f"{Q}.weight"]
    arrays = [pair(Q, HIDDEN, HIDDEN, seed=seed) for seed in (1, 5, 9)]
    adapters = tuple(write_adapter(tmp_path / f"lora{number}", one) for number, one in enumerate(arrays))
    request = ConvertRequest(ref=str(source), adapter=tuple(map(str, adapters)), preset="bf16", output=tmp_path / "out")
    workspace.convert(request, inline=True).result()
    total = base + np.float32(2) * sum(product(one, Q) for one in arrays)
    found = read_tensors_of(tmp_path / "out")[f"{Q}.weight"]
    assert np.mean(found != rounded(total)) < 1e-3  # a sum in another order of operations, on the edge of two


def rounded(values: Any) -> Any:
    """Float32 values as bfloat16 holds them, ties to even."""
    bits = values.astype("<f4").view("<u4")
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view("<f4")


@pytest.mark.parametrize("kind", ["whole layers and new words", "trained words"])
def test_two_that_put_something_in_the_same_place_are_refused(
    source: Path, workspace: Workspace, tmp_path: Path, kind: str
) -> None:
    adapters = tuple(str(CASES[kind].write(tmp_path / f"lora{number}")) for number in range(2))
    request = ConvertRequest(ref=str(source), adapter=adapters, output=tmp_path / "out")
    [refusal] = workspace.plan(request, exact=False).errors
    assert refusal.code == "adapter_misfit"
    assert "the adapter lora1 can't be fused" in refusal.message
    assert "an adapter before it changes" in refusal.message


def test_the_same_adapter_twice_is_refused(source: Path) -> None:
    with pytest.raises(InvalidRequest, match="named twice"):
        ConvertRequest(ref=str(source), adapter=("org/lora", " org/lora "))


def test_its_tokenizer_comes_along(source: Path, workspace: Workspace, tmp_path: Path) -> None:
    adapter = CASES["rsLoRA"].write(tmp_path / "lora")
    text = (source / "tokenizer.json").read_text().replace("w300", "new")
    (adapter / "tokenizer.json").write_text(text)
    fused(source, adapter, workspace, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "tokenizer.json").read_text()) == json.loads(text)


def test_fusing_takes_no_more_memory_than_was_stated(workspace: Workspace, tmp_path: Path) -> None:
    plain = tmp_path / "llama"
    subprocess.run([sys.executable, SYNTHETIC, "llama-tiny", plain], check=True)
    [wide] = [one for one in workspace.inspect(str(plain)).tensors if one.name == "model.layers.0.mlp.down_proj.weight"]
    arrays = pair("model.layers.0.mlp.down_proj", *wide.shape, rank=64)
    arrays[f"{PEFT}model.layers.0.mlp.down_proj.lora_magnitude_vector"] = np.ones(wide.shape[0], np.float32)
    adapter = write_adapter(tmp_path / "lora", arrays, r=64)
    request = ConvertRequest(ref=str(plain), adapter=str(adapter), preset="4bit", output=tmp_path / "out")
    stated = workspace.plan(request).peak_memory
    measured = workspace.convert(request).result().peak_memory
    assert measured <= stated <= 2.5 * measured
