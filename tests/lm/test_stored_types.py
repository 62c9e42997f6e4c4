"""Numbers in types that MLX lacks: read as the type that holds them, in slices, wherever the files come from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_llama import write_llama
from stored import Stored, converted, planned, store, tensors_of
from test_discarding import converted as converted_discarding
from test_discarding import weights_of

from mlx_convert_core import ConversionFailed, ConvertRequest, UnsupportedModel, Workspace
from mlx_convert_core.plugin import SetOption, UseInstead

sys.path.append(str(Path(__file__).parents[1]))

from architectures.checkpoints import write_tiny

NORM, QUERY = "model.norm.weight", "model.layers.1.self_attn.q_proj.weight"


def each_file(folder: Path, change: Callable[[Stored], Stored], **config: Any) -> Path:
    """Store what ``change`` makes of each tensor, in the files where they are."""
    import json

    from mlx_convert_core.plugin import ShardWriter, TensorInfo, read_header

    for path in sorted(folder.glob("*.safetensors")):
        data = path.read_bytes()
        made = {one.name: change(Stored(one.dtype, one.shape, data[one.start : one.end])) for one in read_header(path)}
        path.unlink()
        infos = [TensorInfo(name=n, dtype=s.dtype, shape=s.shape, shard=path.name) for n, s in made.items()]
        with ShardWriter(folder, infos, {"format": "pt"}) as writer:
            for name, one in made.items():
                writer.write(name, one.data)
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | config))
    return folder


def wide(one: Stored) -> Stored:
    return Stored("F64", one.shape, one.values.astype("<f8").tobytes()) if one.dtype in ("BF16", "F32") else one


def single(one: Stored) -> Stored:
    return Stored("F32", one.shape, one.values.astype("<f4").tobytes()) if one.dtype in ("BF16", "F32") else one


def twins(make: Callable[[Path], Path], folder: Path) -> tuple[Path, Path]:
    """The same numbers in float64 and in float32."""
    return each_file(make(folder / "wide"), wide), each_file(make(folder / "single"), single)


MODELS: dict[str, Callable[[Path], Path]] = {
    "llama in three files": lambda folder: write_llama(folder, shards=3),
    # stacked experts, and norms and convolutions that the class computes
    "qwen3_next": lambda folder: write_tiny(folder, "qwen3_next"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_float64_gives_what_float32_gives_to_the_byte(workspace: Workspace, tmp_path: Path, kind: str) -> None:
    sources = twins(MODELS[kind], tmp_path)
    for preset in ("bf16", "4bit", "fp32"):
        outputs = [tmp_path / f"{source.name}-{preset}" for source in sources]
        for source, output in zip(sources, outputs, strict=True):
            converted(workspace, source, output, preset=preset)
        assert weights_of(outputs[0]) == weights_of(outputs[1])
        assert (outputs[0] / "config.json").read_bytes() == (outputs[1] / "config.json").read_bytes()


@pytest.mark.parametrize("kind", MODELS)
def test_float64_that_is_deleted_as_it_is_used(workspace: Workspace, tmp_path: Path, kind: str) -> None:
    source, other = twins(MODELS[kind], tmp_path)
    fetched, (output,) = converted_discarding(source, tmp_path)
    converted(workspace, other, tmp_path / "whole", preset="4bit")
    assert fetched.weights == []
    assert weights_of(output) == weights_of(tmp_path / "whole")


def test_only_what_is_computed_is_written_to_a_stand_in_and_is_taken_out_again(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlx_convert_engine import filling

    seen: list[int] = []
    emptied = filling.empty

    def watched(places: list[filling.TensorPlace]) -> None:
        emptied(places)
        seen.extend(place.path.stat().st_blocks for place in places)

    monkeypatch.setattr(filling, "empty", watched)
    source, _ = twins(MODELS["qwen3_next"], tmp_path)
    converted(workspace, source, tmp_path / "out", preset="4bit")
    largest = max(path.stat().st_size for path in source.glob("*.safetensors"))
    assert seen
    assert max(seen) * 512 < largest / 4  # headers


def test_what_is_stored_in_float64_is_told_before(workspace: Workspace, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    store(source, tensors_of(source) | {NORM: wide(tensors_of(source)[NORM])}, torch_dtype="float64")
    plan = workspace.plan(ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / "out"))
    (told,) = [one for one in plan.findings if one.code == "stored_type"]
    assert told.level == "info"
    assert NORM in told.message
    assert "F64" in told.message
    assert "float32" in told.message
    converted(workspace, source, tmp_path / "out", preset="4bit")
    assert '"torch_dtype": "float32"' in (tmp_path / "out" / "config.json").read_text()


def test_what_float32_can_not_hold_is_named_and_taken_only_when_that_is_agreed(
    workspace: Workspace, tmp_path: Path
) -> None:
    source = write_llama(tmp_path / "source")
    values = tensors_of(source)[NORM].values.astype("<f8")
    values[:3] = 1e300, -1e39, 3.4e38
    store(source, tensors_of(source) | {NORM: Stored("F64", values.shape, values.tobytes())}, torch_dtype="float32")
    with pytest.raises(ConversionFailed) as caught:
        converted(workspace, source, tmp_path / "out", preset="fp32")
    assert caught.value.code == "overflow"
    assert caught.value.message.startswith(f"{NORM} has 2 values that float32 can't hold")
    assert caught.value.remedies == (SetOption("allow_overflow", True),)
    findings = converted(workspace, source, tmp_path / "out", preset="fp32", allow_overflow=True)
    (told,) = [one for one in findings if one.code == "overflow"]
    assert f"{NORM} has 2" in told.message
    assert not [one for one in findings if one.code == "not_finite"]


def test_a_class_that_computes_with_what_float32_can_not_hold(workspace: Workspace, tmp_path: Path) -> None:
    source = each_file(write_tiny(tmp_path / "source", "mamba"), wide)
    name = "backbone.layers.0.mixer.conv1d.weight"
    values = np.frombuffer(tensors_of(source)[name].data, "<f8").copy()
    values[:2] = 1e300, np.inf
    store(source, tensors_of(source) | {name: Stored("F64", tensors_of(source)[name].shape, values.tobytes())})
    with pytest.raises(ConversionFailed, match=f"{name} has 1 value that float32"):
        converted(workspace, source, tmp_path / "out")
    found = {one.code: one.message for one in converted(workspace, source, tmp_path / "out", allow_overflow=True)}
    assert f"{name} has 1" in found["overflow"]
    assert f"{name} has 1" in found["not_finite"]


@pytest.mark.parametrize("dtype", ["F8_E5M2", "F8_E4M3"])
def test_8_bit_floats_that_no_scale_belongs_to_are_the_numbers_themselves(
    workspace: Workspace, tmp_path: Path, dtype: str
) -> None:
    from test_eight_bit_floats import e4m3, e5m2

    source, plain = write_llama(tmp_path / "source"), write_llama(tmp_path / "plain")
    shape = tensors_of(source)[QUERY].shape
    codes = np.random.default_rng(3).integers(0, 0x78, shape, dtype=np.uint8)
    numbers = (e4m3 if dtype == "F8_E4M3" else e5m2)(codes.tobytes()).reshape(shape)
    store(source, tensors_of(source) | {QUERY: Stored(dtype, shape, codes.tobytes())})
    bits = (numbers.view(np.uint32) >> 16).astype(np.uint16)
    store(plain, tensors_of(plain) | {QUERY: Stored("BF16", shape, bits.tobytes())})
    for preset in ("bf16", "4bit"):
        findings = converted(workspace, source, tmp_path / f"source-{preset}", preset=preset)
        converted(workspace, plain, tmp_path / f"plain-{preset}", preset=preset)
        assert tensors_of(tmp_path / f"source-{preset}") == tensors_of(tmp_path / f"plain-{preset}")
        assert [one.level for one in findings if one.code == "source_fp8"] == ["warning"]


@pytest.mark.parametrize(
    ("dtype", "bits", "words"),
    [
        ("F4", 4, "4-bit floats"),
        ("F6_E2M3", 6, "6-bit floats"),
        ("F6_E3M2", 6, "6-bit floats"),
        ("F8_E4M3FNUZ", 8, "AMD"),
        ("F8_E5M2FNUZ", 8, "AMD"),
        ("F8_E8M0", 8, "powers of two"),
    ],
)
def test_what_nothing_here_reads_is_named_for_what_it_is(
    workspace: Workspace, tmp_path: Path, dtype: str, bits: int, words: str
) -> None:
    source = write_llama(tmp_path / "source")
    shape = tensors_of(source)[QUERY].shape
    data = bytes(shape[0] * shape[1] * bits // 8)
    store(source, tensors_of(source) | {QUERY: Stored(dtype, shape, data)})
    (source / "README.md").write_text("---\nbase_model: org/original\n---\n")
    (error,) = planned(workspace, source)
    assert error.code == "stored_type"
    assert dtype in error.message
    assert words in error.message
    assert QUERY in error.message
    assert error.remedies == (UseInstead("org/original"),)


def test_a_model_that_can_not_be_loaded_for_its_types_is_to_be_converted_first(tmp_path: Path) -> None:
    from mlx_convert_lm.adapter import load_to_answer

    source = each_file(write_llama(tmp_path / "source"), wide)
    with pytest.raises(UnsupportedModel) as caught:
        load_to_answer(source, trust_remote_code=False)
    assert caught.value.code == "stored_type"
    assert "F64" in caught.value.message
    assert caught.value.remedies == (UseInstead(str(source)),)


def test_what_mlx_can_not_load_runs_as_it_is_read(tmp_path: Path) -> None:
    from toy_methods import Recording, plugin_of

    source = each_file(write_llama(tmp_path / "source"), wide)
    method = Recording()
    request = ConvertRequest(ref=str(source), bits=4, group_size=32, method="recording", output=tmp_path / "out")
    with Workspace(home=tmp_path / "home", plugins=[plugin_of(method)]) as workspace:
        workspace.convert(request, inline=True).result()  # by the numbers alone
        assert "model.layers.0.mlp.up_proj" in method.rows
        method.needs = "moments"
        method.rows.clear()
        workspace.convert(replace(request, output=tmp_path / "other"), inline=True).result()
        assert "model.layers.0.mlp.up_proj" in method.rows


@pytest.mark.parametrize("dtype", ["I8", "U8", "I32"])
def test_weights_of_whole_numbers_are_taken_for_themselves_and_told(
    workspace: Workspace, tmp_path: Path, dtype: str
) -> None:
    source = write_llama(tmp_path / "whole")
    tensors = tensors_of(source)
    values = tensors[QUERY].values.astype({"I8": "<i1", "U8": "<u1", "I32": "<i4"}[dtype])
    store(source, tensors | {QUERY: Stored(dtype, tensors[QUERY].shape, values.tobytes())})
    findings = converted(workspace, source, tmp_path / "made")
    (told,) = [one for one in findings if one.code == "whole_numbers"]
    assert told.level == "warning"
    assert f"(1 in all, {dtype}, {QUERY} for one)" in told.message


def test_an_estimate_casts_as_the_conversion_does(workspace: Workspace, tmp_path: Path) -> None:
    """Numbers that are stored wider than config.json says become what it says, also in the first figure told."""
    source = each_file(write_llama(tmp_path / "model"), single, torch_dtype="bfloat16")
    request = ConvertRequest(ref=str(source), preset="4bit", output=tmp_path / "out")
    (rough,), (exact,) = workspace.plan(request, exact=False).outputs, workspace.plan(request).outputs
    assert rough.tensor_bytes == exact.tensor_bytes
