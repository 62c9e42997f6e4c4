"""What a decoder shows is converted like plain tensors: by rows, to several presets, resumed, with files that go."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from in_steps import example, write_in_steps
from mlx_convert_engine.decoders import BLOCK_BYTES, DecodedBytes
from mlx_convert_engine.memory import GPU_SLICE_BYTES, decoding_memory
from random_llama import write_llama
from stored import Stored, store, tensors_of
from test_discarding import Fetched, weights_of
from test_streaming import KILLER, spoil_one_tensor

from mlx_convert_core import ConvertRequest, MlxConvertError, PluginError, Progress, UnsupportedModel, Workspace
from mlx_convert_core.plugin import Claims, DecodedTensor, ModelInfo, SetOption, StoredTensors, TensorInfo, hookimpl

sys.path.append(str(Path(__file__).parents[1]))

from architectures.checkpoints import write_tiny


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with the decoder that the documentation shows, in a file."""
    plugins = tmp_path / "home" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "steps.py").write_text(example())
    with Workspace(home=tmp_path / "home") as workspace:
        yield workspace


def both(tmp_path: Path, *, apart: bool = False) -> tuple[Path, Path]:
    """A llama in steps, and the same numbers in bfloat16."""
    source, plain = write_llama(tmp_path / "source"), write_llama(tmp_path / "plain")
    write_in_steps(source, plain, apart=apart)
    return source, plain


def made(workspace: Workspace, source: Path, *presets: str) -> list[Path]:
    outputs = tuple(source.with_name(f"{source.name}-{preset}") for preset in presets)
    workspace.convert(ConvertRequest(ref=str(source), preset=presets, output=outputs), inline=True).result()
    return list(outputs)


def test_a_format_that_a_stranger_decodes_gives_what_its_plain_twin_gives(stranger: Workspace, tmp_path: Path) -> None:
    source, plain = both(tmp_path, apart=True)
    for one, other in zip(*(made(stranger, folder, "4bit", "bf16") for folder in (source, plain)), strict=True):
        assert tensors_of(one) == tensors_of(other)
        assert (one / "config.json").read_bytes() == (other / "config.json").read_bytes()


@pytest.mark.parametrize("exact", [False, True])
def test_it_is_planned_to_the_byte_from_headers(stranger: Workspace, tmp_path: Path, exact: bool) -> None:
    plans = [
        stranger.plan(ConvertRequest(ref=str(folder), preset=("4bit", "bf16"), output=("a", "b")), exact=exact)
        for folder in both(tmp_path)
    ]
    found, expected = ([(one.weight_bytes, one.parameters, one.tensors) for one in plan.outputs] for plan in plans)
    assert found == expected
    assert "steps" in {finding.code for finding in plans[0].findings}
    assert not plans[0].outputs[0].left_out


def test_experts_that_are_decoded_are_stacked_by_rows(stranger: Workspace, tmp_path: Path) -> None:
    source, plain = write_tiny(tmp_path / "source", "qwen3_moe"), write_tiny(tmp_path / "plain", "qwen3_moe")
    write_in_steps(source, plain)
    plans = [stranger.plan(ConvertRequest(ref=str(folder), output="out")) for folder in (source, plain)]
    assert plans[0].peak_memory == plans[1].peak_memory + decoding_memory()
    (one,), (other,) = (made(stranger, folder, "4bit") for folder in (source, plain))
    assert tensors_of(one) == tensors_of(other)


def test_what_a_stranger_decodes_runs_to_be_learned_from(stranger: Workspace, tmp_path: Path) -> None:
    tuned = []
    for folder in both(tmp_path):
        output = tmp_path / f"{folder.name}-tuned"
        request = ConvertRequest(ref=str(folder), preset="4bit", method="tuned", calibration="random", output=output)
        stranger.convert(request, inline=True).result()
        tuned.append(tensors_of(output))
    assert tuned[0] == tuned[1]


def test_tools_of_mlx_lm_say_that_they_can_not_run_it(stranger: Workspace, tmp_path: Path) -> None:
    source, _ = both(tmp_path)
    with pytest.raises(UnsupportedModel, match=r"is stored with steps \(.*can't take it so") as refused:
        stranger.plan(ConvertRequest(ref=str(source), preset="4bit", method="mlx-lm:awq", output=tmp_path / "out"))
    assert SetOption("method", "nearest") in refused.value.remedies


def test_no_more_is_decoded_at_once_than_the_plan_counts_however_large_a_slice_is() -> None:
    """A GPU's slices are eight times a CPU's; a decoder is asked for blocks of the same size."""
    shape, asked = (4096, 4096), list[int]()
    part = TensorInfo(name="one", dtype="U8", shape=shape, shard="a.safetensors")
    tensor = DecodedTensor(name="one", dtype="BF16", shape=shape, shard=part.shard, parts=(part,))

    class Noting:
        name = "noting"

        def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
            asked.append((stop - start) * tensor.shape[1] * 2)
            return np.zeros((stop - start, tensor.shape[1]), np.float16)

    DecodedBytes({tensor: Noting()}, None).read(tensor, 0, memoryview(bytearray(GPU_SLICE_BYTES)))  # type: ignore[arg-type,dict-item]
    assert max(asked) <= BLOCK_BYTES < GPU_SLICE_BYTES
    assert sum(asked) >= GPU_SLICE_BYTES


def test_files_go_once_all_parts_of_what_they_hold_are_used(tmp_path: Path) -> None:
    source, plain = both(tmp_path, apart=True)
    fetched = Fetched(source, tmp_path / "cache")

    class Plugin:
        @hookimpl
        def model_source(self, ref: str) -> Fetched | None:
            return fetched if ref == "fetched:model" else None

    output = tmp_path / "discarded"
    with Workspace(home=tmp_path / "home", plugins=[Plugin(), plugin_of(example())]) as workspace:
        request = ConvertRequest(ref="fetched:model", output=output, discard_source=True)
        workspace.convert(request, inline=True).result()
        (whole,) = made(workspace, plain, "4bit")
    assert fetched.weights == []
    assert weights_of(output) == weights_of(whole)


def test_a_resumed_conversion_goes_on(stranger: Workspace, tmp_path: Path) -> None:
    source, _ = both(tmp_path)
    home = tmp_path / "home"
    (home / "plugins" / "killer.py").write_text(KILLER)
    (home / "plugins" / "die").touch()
    request = ConvertRequest(ref=str(source), preset="8bit", output=tmp_path / "out" / "model")
    with Workspace(home=home) as workspace:
        with pytest.raises(MlxConvertError):
            workspace.convert(request).result()
        spoil_one_tensor(tmp_path / "out")
        job = workspace.convert(replace(request, resume=True))
        job.result()
        (again,) = made(workspace, source, "8bit")
    first = next(event for event in job.events() if isinstance(event, Progress) and event.step == "write")
    assert first.total // 2 < first.done <= first.total
    assert weights_of(request.outputs[0]) == weights_of(again)  # type: ignore[arg-type]


def test_a_strangers_decoder_is_asked_before_those_that_come_along(tmp_path: Path) -> None:
    source, layer = write_llama(tmp_path / "source"), "model.layers.0.mlp.up_proj.weight"
    tensors = tensors_of(source)
    shape = tensors[layer].shape
    tensors[layer] = Stored("F8_E4M3", shape, bytes(shape[0] * shape[1]))
    tensors[f"{layer}_scale"] = Stored("F32", (), np.float32(1).tobytes())
    store(source, tensors, quantization_config={"quant_method": "fp8"})

    class Ones:
        """Takes every 8-bit float for a one."""

        name = "ones"

        def claims(self, model: ModelInfo) -> Claims:
            found = [one for one in model.tensors if one.dtype == "F8_E4M3"]
            return Claims(
                tensors=tuple(
                    DecodedTensor(name=one.name, dtype="BF16", shape=one.shape, shard=one.shard, parts=(one,))
                    for one in found
                ),
                unneeded=tuple(f"{one.name}_scale" for one in found),
            )

        def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
            return np.ones((stop - start, tensor.shape[-1]))

    class Plugin:
        @hookimpl
        def tensor_decoder(self) -> list[Ones]:
            return [Ones()]

    with Workspace(home=tmp_path / "home", plugins=[Plugin()]) as workspace:
        (output,) = made(workspace, source, "bf16")
    assert (tensors_of(output)[layer].values == 1).all()


FAULTS = {
    "fewer rows": ("numbers * sizes[:, None]", "numbers[1:] * sizes[1:, None]", "gave an array of"),
    "an exception": ("numbers * sizes[:, None]", "1 / 0", "ZeroDivisionError"),
    "a type that is none": ('dtype="BF16"', 'dtype="I8"', "nothing to show"),
    "a name that is taken": ('name=f"{layer}.weight"', 'name="model.norm.weight"', "nothing to show"),
    "a part that is not there": ("parts=(steps, step)", "parts=(steps, step, step)", "claimed twice"),
}


@pytest.mark.parametrize(("right", "wrong", "told"), FAULTS.values(), ids=list(FAULTS))
def test_a_decoder_at_fault_is_named(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    source, _ = both(tmp_path)
    with (
        Workspace(home=tmp_path / "home", plugins=[plugin_of(example().replace(right, wrong))]) as workspace,
        pytest.raises(PluginError, match=f"tensor_decoder.*{told}"),
    ):
        made(workspace, source, "4bit")
    assert not (tmp_path / "source-4bit").exists()


def plugin_of(text: str) -> ModuleType:
    """A plugin that is in no file."""
    module = ModuleType("steps_plugin")
    exec(text, module.__dict__)  # the documentation's own
    return module
