"""NaN and infinity in a source are told; what a smaller type would make infinite is refused."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from mlx_convert_engine.not_finite import Sizes
from random_llama import write_llama

from mlx_convert_core import ConversionFailed, ConvertRequest, Finding, MlxConvertError, Workspace
from mlx_convert_core.plugin import SetOption, ShardWriter, read_header, read_recipe, recipe_of, write_recipe

NORM, QUERY, EMBEDDING = "model.norm.weight", "model.layers.1.self_attn.q_proj.weight", "model.embed_tokens.weight"
WEIGHTS = "model.safetensors"
Convert = Callable[..., tuple[Finding, ...]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_llama(tmp_path / "source")


@pytest.fixture
def convert(workspace: Workspace, source: Path, tmp_path: Path) -> Convert:
    """Convert the source to ``out`` and give the warnings about its numbers, one output after the other."""

    def run(*presets: str, **more: Any) -> tuple[Finding, ...]:
        outputs = tuple(tmp_path / "out" / preset for preset in presets)
        request = ConvertRequest(ref=str(source), preset=presets, output=outputs, **more)
        models = workspace.convert(request, inline=True).result().models
        return tuple(one for model in models for one in model.findings if one.code == "not_finite")

    return run


def put(folder: Path, name: str, *values: float) -> None:
    """Write ``values`` over the first ones of a tensor."""
    tensor = next(one for one in read_header(folder / WEIGHTS) if one.name == name)
    overwrite(folder, name, b"".join(struct.pack("<f", value)[0 if tensor.dtype == "F32" else 2 :] for value in values))


def overwrite(folder: Path, name: str, data: bytes) -> None:
    """Write ``data`` over the first bytes of a tensor, whichever file it is in."""
    for path in folder.glob("*.safetensors"):
        for tensor in read_header(path):
            if tensor.name == name:
                with path.open("r+b") as file:
                    file.seek(tensor.start)
                    file.write(data)


def as_float32(folder: Path) -> None:
    """Store the weights in float32, the same numbers."""
    path = folder / WEIGHTS
    tensors, data = read_header(path), path.read_bytes()
    with ShardWriter(folder, [one.replace(dtype="F32", shard="wide.safetensors") for one in tensors]) as writer:
        for one in tensors:
            wide = np.frombuffer(data[one.start : one.end], "<u2").astype("<u4") << 16
            writer.write(one.name, wide.tobytes())
    (folder / "wide.safetensors").rename(path)


@pytest.mark.parametrize("preset", ["4bit", "mxfp8", "bf16", "fp16", "fp32"])
def test_what_is_no_number_in_the_source_is_told(source: Path, convert: Convert, tmp_path: Path, preset: str) -> None:
    put(source, NORM, math.nan, math.inf, -math.inf)
    put(source, QUERY, math.nan)
    (found,) = convert(preset)
    assert found.level == "warning"
    assert found.message.startswith("4 values of the source are not finite")
    assert f"{NORM} has 3" in found.message
    assert f"{QUERY} has 1" in found.message
    recorded = json.loads((tmp_path / "out" / preset / "mlx_convert.json").read_text())["findings"]
    assert "not_finite" in [one["code"] for one in recorded]
    assert "are not finite" in (tmp_path / "out" / preset / "README.md").read_text()


def test_a_sound_source_is_not_talked_about(convert: Convert) -> None:
    assert convert("4bit", "fp16") == ()


def test_several_outputs_and_slices_count_each_value_once(
    source: Path, convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlx_convert_engine.memory.SLICE_BYTES", 4_000)
    put(source, EMBEDDING, *[math.nan] * 300)
    one, other = convert("4bit", "bf16")
    assert one == other
    assert f"{EMBEDDING} has 300" in one.message


def test_the_command_line_tells_it(source: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner
    from mlx_convert_cli.main import cli

    put(source, NORM, math.nan)
    ended = CliRunner().invoke(cli, ["convert", str(source), "-o", str(tmp_path / "out")])
    assert ended.exit_code == 0
    assert "warning [not_finite]: 1 value of the source is not finite" in ended.stderr


@pytest.mark.parametrize("name", [NORM, QUERY])
def test_a_float16_that_can_not_hold_the_source_is_refused(
    source: Path, convert: Convert, tmp_path: Path, name: str
) -> None:
    as_float32(source)
    put(source, name, 70_000.0, -1e9, 65_504.0, math.inf)
    with pytest.raises(ConversionFailed) as caught:
        convert("4bit", dtype="float16")
    assert caught.value.code == "overflow"
    assert caught.value.message.startswith(f"{name} has 2 values that float16 can't hold")
    assert caught.value.remedies == (SetOption("dtype", "bfloat16"), SetOption("allow_overflow", True))
    assert not (tmp_path / "out").exists()
    (found,) = convert("4bit", dtype="bfloat16")
    assert f"{name} has 1" in found.message


def test_the_expert_that_a_float16_can_not_hold_is_named(workspace: Workspace, tmp_path: Path) -> None:
    from architectures.checkpoints import write_tiny

    source = write_tiny(tmp_path / "experts", "qwen3_moe")
    name = "model.layers.1.mlp.experts.2.up_proj.weight"  # one of a stack, whose rows share slices
    overwrite(source, name, struct.pack("<f", 1e6)[2:] * 3)
    with pytest.raises(ConversionFailed, match=f"{name} has 3 values that float16 can't hold"):
        workspace.convert(ConvertRequest(ref=str(source), preset="fp16", output=tmp_path / "out"), inline=True).result()


def test_one_output_of_two_that_can_not_hold_it_refuses_both(source: Path, convert: Convert, tmp_path: Path) -> None:
    put(source, NORM, 1e5)
    with pytest.raises(ConversionFailed, match="float16"):
        convert("bf16", "fp16")
    assert not (tmp_path / "out").exists()


def test_scales_that_only_quantizing_makes_infinite(source: Path, convert: Convert) -> None:
    put(source, QUERY, 3e38, -3e38)  # each is a number, their distance is none
    with pytest.raises(ConversionFailed) as caught:
        convert("4bit")
    assert caught.value.code == "overflow"
    assert QUERY.removesuffix("weight") in caught.value.message


def test_a_tensor_that_its_class_computes(workspace: Workspace, tmp_path: Path) -> None:
    from architectures.checkpoints import write_tiny

    source = write_tiny(tmp_path / "mamba", "mamba")
    name = "backbone.layers.0.mixer.conv1d.weight"
    overwrite(source, name, struct.pack("<f", math.nan)[2:])
    request = ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / "out")
    (model,) = workspace.convert(request, inline=True).result().models
    assert any(f"{name} has 1" in one.message for one in model.findings)
    overwrite(source, name, struct.pack("<f", 1e6)[2:])
    with pytest.raises(ConversionFailed, match=f"{name} has 1 value"):
        workspace.convert(replace(request, preset="fp16", output=tmp_path / "other"), inline=True).result()


def test_a_resumed_conversion_still_knows(source: Path, tmp_path: Path) -> None:
    put(source, NORM, math.nan)
    plugins = tmp_path / "home" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "killer.py").write_text(
        "import os, signal\nfrom pathlib import Path\nfrom mlx_convert_core.plugin import hookimpl\n\n"
        "@hookimpl\ndef post_convert(plan, staging):\n"
        "    if not plan.request.resume:\n        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with Workspace(home=tmp_path / "home") as workspace:
        request = ConvertRequest(ref=str(source), preset="8bit", output=tmp_path / "out")
        with pytest.raises(MlxConvertError, match="killed"):
            workspace.convert(request).result()
        (model,) = workspace.convert(replace(request, resume=True)).result().models
    assert any(f"{NORM} has 1" in one.message for one in model.findings)


_NUMPY = {"F16": np.float16, "F32": np.float32, "F64": np.float64}


@given(some.sampled_from(["F16", "F32", "F64", "BF16"]), some.binary(min_size=8, max_size=800))
def test_any_bytes_are_counted_as_numpy_counts_them(dtype: str, data: bytes) -> None:
    data = data[: len(data) // 8 * 8]
    if dtype == "BF16":
        values = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    else:
        values = np.frombuffer(data, _NUMPY[dtype])
    assert Sizes.of(memoryview(data), dtype).not_finite == np.count_nonzero(~np.isfinite(values))


@pytest.mark.parametrize(("dtype", "target"), [("F32", "float16"), ("BF16", "float16"), ("F32", "bfloat16")])
def test_the_edge_of_a_type_is_where_mlx_has_it(dtype: str, target: str) -> None:
    import mlx.core as mx

    edge = {"float16": 65_520.0, "bfloat16": 3.3961775e38}[target]
    bits = np.frombuffer(struct.pack("<f", edge), "<u4")[0] + np.arange(-30_000, 30_000, dtype=np.int64)
    wide = (bits.astype("<u4") if dtype == "F32" else (bits >> 16 << 16).astype("<u4")).view("<f4")
    wide = np.concatenate([wide, -wide])
    data = wide.tobytes() if dtype == "F32" else (wide.view("<u4") >> 16).astype("<u2").tobytes()
    cast = mx.array(wide).astype(getattr(mx, target)).astype(mx.float32)
    expected = int(mx.sum(mx.isinf(cast)))
    assert 0 < expected < wide.size
    assert Sizes.of(memoryview(data), dtype).too_large_for(target) == expected


def test_what_becomes_infinite_is_named_everywhere_once_it_is_agreed_to(
    source: Path, workspace: Workspace, tmp_path: Path
) -> None:
    put(source, NORM, 1e5, math.nan)
    put(source, QUERY, 1e5, -1e5)
    output = tmp_path / "out"
    request = ConvertRequest(ref=str(source), preset="fp16", output=output, allow_overflow=True)
    (model,) = workspace.convert(request, inline=True).result().models
    found = {one.code: one for one in model.findings}
    assert found["overflow"].level == "warning"
    assert found["overflow"].message.startswith("3 values of the result are not finite")
    assert f"{QUERY} has 2, {NORM} has 1" in found["overflow"].message
    assert found["not_finite"].message.startswith("1 value of the source is not finite")
    assert "3 values of the result" in (output / "README.md").read_text()
    assert recipe_of(output, str)["allow_overflow"]
    write_recipe(tmp_path / "recipe.json", request, str)
    assert read_recipe(tmp_path / "recipe.json").allow_overflow


def test_scales_that_quantizing_makes_infinite_may_be_agreed_to(
    source: Path, workspace: Workspace, tmp_path: Path
) -> None:
    put(source, QUERY, 3e38, -3e38)
    request = ConvertRequest(ref=str(source), preset="4bit", output=tmp_path / "out", allow_overflow=True)
    (model,) = workspace.convert(request, inline=True).result().models
    (told,) = [one for one in model.findings if one.code == "overflow"]
    assert f"{QUERY.removesuffix('weight')}scales has 1" in told.message


def test_a_terminal_says_how_to_have_it_all_the_same(source: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner
    from mlx_convert_cli.main import cli

    put(source, NORM, 1e5)
    asked = ["convert", str(source), "-p", "fp16", "-o", str(tmp_path / "out")]
    refused = CliRunner().invoke(cli, asked)
    assert refused.exit_code == 1
    assert "--allow-overflow" in refused.stderr
    assert "--dtype bfloat16" in refused.stderr
    agreed = CliRunner().invoke(cli, [*asked, "--allow-overflow"])
    assert agreed.exit_code == 0
    assert "warning [overflow]: 1 value of the result is not finite" in agreed.stderr
