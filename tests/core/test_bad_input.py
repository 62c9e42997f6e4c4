"""Bad input, from Python and from the command line: each has its own code, an exit code, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from mlx_convert_cli.main import cli

from core.unprivileged import as_nobody
from mlx_convert_core import ConvertRequest, GenerateRequest, InvalidRequest, MlxConvertError, Workspace
from mlx_convert_core.plugin import ChooseOutput, ShardWriter, TensorInfo, read_header

Spoil = Callable[[Path], object]
WEIGHTS = "model.safetensors"


def config(**fields: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return spoil


def without(*names: str) -> Spoil:
    return lambda folder: [(folder / name).unlink() for name in names]


def instead(*names: str, text: str = "{}") -> Spoil:
    """Only these files, each with the same text."""

    def spoil(folder: Path) -> None:
        for path in folder.iterdir():
            path.unlink()
        for name in names:
            (folder / name).write_text(text)

    return spoil


def wrote(name: str, text: str) -> Spoil:
    return lambda folder: (folder / name).write_text(text)


def weights(data: bytes) -> Spoil:
    return lambda folder: (folder / WEIGHTS).write_bytes(data)


def cut_short(folder: Path) -> None:
    os.truncate(folder / WEIGHTS, (folder / WEIGHTS).stat().st_size - 1)


def lying_offsets(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["model.norm.weight"]["data_offsets"][1] += 2
    text = json.dumps(header).encode()
    (folder / WEIGHTS).write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def index(folder: Path) -> None:
    names = {tensor.name: "model-00002-of-00002.safetensors" for tensor in read_header(folder / WEIGHTS)}
    names["model.layers.2.mlp.up_proj.weight"] = "model-00002-of-00002.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def tensors(change: Callable[[dict[str, TensorInfo]], dict[str, TensorInfo]]) -> Spoil:
    """Zeros under the tensors that ``change`` makes of those that were there."""

    def spoil(folder: Path) -> None:
        infos = {tensor.name: tensor for tensor in read_header(folder / WEIGHTS)}
        (folder / WEIGHTS).unlink()
        changed = [
            TensorInfo(name=name, dtype=info.dtype, shape=info.shape, shard=WEIGHTS)
            for name, info in change(infos).items()
        ]
        with ShardWriter(folder, changed, {"format": "pt"}) as writer:
            for tensor in changed:
                writer.write(tensor.name, bytes(tensor.nbytes))

    return spoil


def narrow(sizes: dict[int, int]) -> Spoil:
    """The same tensors with other sizes."""

    def changed(info: TensorInfo) -> TensorInfo:
        return TensorInfo(name=info.name, dtype=info.dtype, shape=tuple(sizes.get(size, size) for size in info.shape))

    return tensors(lambda infos: {name: changed(info) for name, info in infos.items()})


def and_also(name: str, dtype: str = "BF16", shape: tuple[int, ...] = (4,)) -> Spoil:
    return tensors(lambda infos: infos | {name: TensorInfo(name=name, dtype=dtype, shape=shape)})


def all_of(*spoils: Spoil) -> Spoil:
    return lambda folder: [spoil(folder) for spoil in spoils]


def packed(name: str = "up_proj.qweight", dtype: str = "I32", **settings: Any) -> Spoil:
    """A packed tensor beside the others, and what config.json says of it: without the tensor it would be left over."""
    return all_of(and_also(f"model.layers.0.mlp.{name}", dtype, (4, 4)), config(**settings))


@dataclass(frozen=True)
class Case:
    """What is wrong with a folder, the code that says so, and words of the message or the hint."""

    spoil: Spoil
    code: str
    words: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


def two_models(folder: Path) -> None:
    shutil.copy(folder / WEIGHTS, folder / "ema.safetensors")
    (folder / WEIGHTS).rename(folder / "weights.safetensors")


def weights_inside(folder: Path) -> None:
    (folder / "inside").mkdir()
    shutil.copy(folder / "config.json", folder / "inside")
    (folder / WEIGHTS).rename(folder / "inside" / WEIGHTS)


FOLDERS = {
    "empty folder": Case(instead(), "empty_folder", ("is empty", "config.json")),
    "no config.json": Case(without("config.json"), "no_model_type", ()),
    "nothing of a model": Case(instead("notes.txt"), "no_config", ("no config.json",)),
    "config.json is a web page": Case(wrote("config.json", "<html>"), "bad_json", ("config.json is not valid JSON",)),
    "config.json is a list": Case(wrote("config.json", "[]"), "bad_json", ("config.json holds a list",)),
    "no model_type": Case(config(model_type=None), "no_model_type", ("no model_type",)),
    "unknown architecture": Case(config(model_type="vit"), "arch", ("'vit'", "architectures")),
    "nearly an architecture": Case(config(model_type="lama"), "arch", ("'lama'", "llama")),
    "picture model": Case(config(model_type="minicpmv", vision_config={}), "vision", ("minicpmv", "mlx-convert-vlm")),
    "shard missing": Case(index, "missing_shard", ("model-00002-of-00002.safetensors", "1 of 1")),
    "weights cut short": Case(cut_short, "truncated", (WEIGHTS,)),
    "weights empty": Case(weights(b""), "empty_file", (WEIGHTS, "0 bytes")),
    "weights garbage": Case(weights(b"garbage" * 50), "corrupt_header", (WEIGHTS,)),
    "weights a web page": Case(weights(b"<html>" * 50), "corrupt_header", (WEIGHTS,)),
    "weights zeroed": Case(weights(bytes(5000)), "corrupt_header", (WEIGHTS,)),
    "weights an LFS pointer": Case(
        weights(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n"), "lfs_pointer", ("git lfs pull",)
    ),
    "offsets that lie": Case(lying_offsets, "corrupt_header", (WEIGHTS,)),
    "no weights": Case(without(WEIGHTS), "no_weights", ("model*.safetensors",)),
    "two models under other names": Case(two_models, "which_weights", ("ema.safetensors, weights.safetensors", "page")),
    "weights in a folder inside": Case(weights_inside, "weights_elsewhere", ("inside", "name it")),
    "weights as their maker names them": Case(and_also("tok_embeddings.weight"), "original_format", ("-hf",)),
    "a part of an image model": Case(config(_diffusers_version="0.30"), "diffusion", ("diffusers",)),
    "weights of torch that are none": Case(
        instead("config.json", "pytorch_model.bin"), "torch_format", ("pytorch_model.bin", "safetensors version")
    ),
    "no weights but what training left": Case(
        instead("config.json", "training_args.bin"), "bin_only", ("training_args.bin", "pytorch_model.bin")
    ),
    "GGUF beside a config": Case(instead("config.json", "a.gguf", "b.gguf"), "gguf_which", ("a.gguf", "b.gguf")),
    "adapter": Case(
        instead("adapter_config.json", "adapter_model.safetensors", text='{"base_model_name_or_path": "org/base"}'),
        "lora_only",
        ("adapter", "org/base"),
    ),
    "image model": Case(instead("model_index.json"), "diffusion", ("diffusers",)),
    "maker's own format": Case(instead("params.json", "consolidated.00.pth"), "original_format", ("-hf",)),
    "already MLX": Case(
        packed("up_proj.scales", "BF16", quantization={"bits": 4, "group_size": 64}),
        "already_mlx",
        ("quantized already",),
    ),
    "bitsandbytes": Case(and_also("model.layers.0.mlp.up_proj.weight.absmax"), "bnb", ("bitsandbytes",)),
    "quantized, but how": Case(packed(quantization_config={"bits": 4}), "quant_unknown", ("no quant_method",)),
    "unknown method": Case(packed(quantization_config={"quant_method": "hqq"}), "source_hqq", ("hqq", "original")),
    "8-bit floats": Case(
        packed("up.weight", "F8_E4M3", quantization_config={"quant_method": "fp8"}), "source_fp8", ("fp8",)
    ),
    "GPTQ of 8 bits": Case(packed(quantization_config={"quant_method": "gptq", "bits": 8}), "source_gptq", ("8 bits",)),
    "AWQ with its groups reordered": Case(
        all_of(packed(quantization_config={"quant_method": "awq", "bits": 4}), and_also("model.a.g_idx", "I32")),
        "source_awq",
        ("g_idx",),
    ),
    "compressed to floats": Case(
        packed(quantization_config={"quant_method": "compressed-tensors", "format": "float-quantized"}),
        "source_compressed_tensors",
        ("float-quantized",),
    ),
    "modelopt FP8": Case(
        packed(quantization_config={"quant_method": "modelopt", "quant_algo": "FP8"}), "source_modelopt", ("FP8",)
    ),
    "code of its own": Case(
        all_of(config(model_file="my.py"), wrote("my.py", "raise SystemExit")),
        "custom_code",
        ("my.py", "trust_remote_code"),
    ),
    "a strategy that nobody knows": Case(lambda folder: None, "strategy", ("'nobodys'",), {"strategy": "nobodys"}),
    # What only the model's class can tell: found by the plan, before a weight is read.
    "embeddings neither shared nor there": Case(
        config(tie_word_embeddings=False), "tied", ("lm_head.weight", "tie_word_embeddings")
    ),
    "layers far beyond the tensors": Case(
        config(num_hidden_layers=10_000_000), "layers", ("claims 10,000,000 layers", "num_hidden_layers", "have 2")
    ),
    "a tensor missing": Case(
        tensors(lambda infos: {name: info for name, info in infos.items() if "norm" not in name}),
        "missing_tensors",
        ("lacks 5 tensors",),
    ),
    "a tensor too many": Case(and_also("model.visual.x"), "extra_tensors", ("1 tensors", "model.visual.x for one")),
    "weights of another model": Case(config(intermediate_size=512), "shape", ("(256, 128)", "(512, 128)")),
    "a config without numbers": Case(wrote("config.json", '{"model_type": "llama"}'), "model_class", ("hidden_size",)),
    "a config with nonsense": Case(config(hidden_size="big"), "bad_config", ("config.json", "hidden_size 'big'")),
    "weights that are integers": Case(
        tensors(
            lambda infos: {
                name: TensorInfo(name=name, dtype="I8" if "mlp" in name else "BF16", shape=info.shape)
                for name, info in infos.items()
            }
        ),
        "model_class",
        ("int8",),
    ),
    "layers that no group divides": Case(
        all_of(config(hidden_size=96, intermediate_size=192), narrow({128: 96, 256: 192, 64: 48})),
        "nothing_quantized",
        ("no layer", "'group_size', value=32"),
        {"group_size": 128},
    ),
}
AT_THE_COMMAND_LINE = (
    "empty folder",
    "config.json is a web page",
    "unknown architecture",
    "shard missing",
    "weights empty",
    "already MLX",
    "a strategy that nobody knows",
    "embeddings neither shared nor there",
)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_bad_folder_is_refused_by_its_own_name(tiny_llama: Path, tmp_path: Path, name: str) -> None:
    case = FOLDERS[name]
    case.spoil(tiny_llama)
    request = ConvertRequest(ref=str(tiny_llama), preset="4bit", output=tmp_path / "out" / "model", **case.options)
    with Workspace() as workspace:
        job = workspace.convert(request, inline=True)
        with pytest.raises(MlxConvertError) as caught:
            job.result()
    assert caught.value.code == case.code, caught.value.message
    assert caught.value.hint
    told = f"{caught.value.message} {caught.value.hint} {caught.value.remedies}"
    assert all(word in told for word in case.words), told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", AT_THE_COMMAND_LINE)
def test_the_command_line_refuses_it_in_the_same_words(tiny_llama: Path, tmp_path: Path, name: str) -> None:
    case = FOLDERS[name]
    case.spoil(tiny_llama)
    options = [word for key, value in case.options.items() for word in (f"--{key}", value)]
    arguments = ["convert", str(tiny_llama), "--output", str(tmp_path / "out" / "model"), *options]
    ended = CliRunner().invoke(cli, arguments)
    assert ended.exit_code == (2 if case.code == "strategy" else 1)
    assert f"error [{case.code}]: " in ended.stderr
    assert "\n  next: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("ref", "code", "exit_code"),
    [
        ("{folder}/nowhere", "no_folder", 1),
        ("./nowhere", "no_folder", 1),
        ("{folder}/notes.txt", "no_model", 2),
        ("{folder}/model.safetensors", "no_model", 2),
        ("{folder}/fake.gguf", "corrupt_header", 1),
        ("nowhere", "bad_id", 2),
        ("a/b/c", "bad_id", 2),
        ("  ", "invalid_request", 2),
    ],
)
def test_a_ref_that_leads_nowhere(tiny_llama: Path, tmp_path: Path, ref: str, code: str, exit_code: int) -> None:
    (tiny_llama / "notes.txt").write_text("hello")
    (tiny_llama / "fake.gguf").write_text("hello")
    ref = ref.format(folder=tiny_llama)
    with Workspace() as workspace, pytest.raises(MlxConvertError) as caught:
        workspace.convert(ConvertRequest(ref=ref, output=tmp_path / "out" / "model"), inline=True).result()
    assert (caught.value.code, caught.value.exit_code) == (code, exit_code)
    assert caught.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ({"bits": 7}, "bits"),
        ({"bits": 1}, "bits"),
        ({"bits": 16}, "bits"),
        ({"group_size": 16}, "group_size"),
        ({"group_size": 48}, "group_size"),
        ({"mode": "mxfp4", "group_size": 64}, "mode"),
        ({"mode": "nvfp4", "bits": 8}, "mode"),
        ({"mode": "fp4"}, "mode"),
    ],
)
def test_numbers_that_mlx_lacks_are_refused_before_anything_is_read(numbers: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ConvertRequest(ref="nowhere/at-all", **numbers)
    assert caught.value.code == code
    assert caught.value.exit_code == 2
    assert caught.value.hint


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ({"temperature": -0.1}, "out_of_range"),
        ({"temperature": 2.1}, "out_of_range"),
        ({"temperature": float("nan")}, "out_of_range"),
        ({"top_p": 1.01}, "out_of_range"),
        ({"top_p": -1}, "out_of_range"),
        ({"min_p": 2}, "out_of_range"),
        ({"top_k": -1}, "out_of_range"),
        ({"max_tokens": 0}, "out_of_range"),
        ({"max_tokens": 10**9}, "out_of_range"),
        ({"repetition_penalty": 0}, "out_of_range"),
        ({"seed": -1}, "out_of_range"),
        ({"prompt": ""}, "empty_prompt"),
        ({"prompt": " \n"}, "empty_prompt"),
    ],
)
def test_an_answer_that_cannot_be_asked_for(numbers: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        GenerateRequest(**({"prompt": "hello"} | numbers))
    assert caught.value.code == code
    assert caught.value.hint


def test_an_output_that_cannot_be_written(tiny_llama: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        source = shutil.copytree(tiny_llama, Path(place) / "source")
        request = ConvertRequest(ref=str(source), output=Path(place) / "deep" / "model")
        with Workspace(home=Path(place)) as workspace, as_nobody():
            plan = workspace.plan(request, exact=False)
    assert [finding.code for finding in plan.errors] == ["not_writable"]
    assert plan.errors[0].remedies == (ChooseOutput(),)


def test_a_file_where_the_folder_should_be(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Workspace() as workspace:
        for output, code in ((tmp_path / "file", "not_replaceable"), (tmp_path / "file" / "model", "not_writable")):
            plan = workspace.plan(ConvertRequest(ref=str(tiny_llama), output=output), exact=False)
            assert [finding.code for finding in plan.errors] == [code]


def test_every_error_is_told_at_once_and_the_first_gives_the_code(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    packed(quantization_config={"quant_method": "hqq"})(tiny_llama)
    with Workspace() as workspace:
        job = workspace.convert(ConvertRequest(ref=str(tiny_llama), output=tmp_path / "taken"), inline=True)
        with pytest.raises(MlxConvertError, match=r"packed by hqq.* already exists"):
            job.result()


def test_layers_that_a_group_does_not_divide_are_kept_and_listed(tmp_path: Path) -> None:
    from samples.tiny import write_tiny_llama

    source = write_tiny_llama(tmp_path / "odd")
    narrow({256: 272})(source)
    config(intermediate_size=272)(source)
    with Workspace() as workspace:
        request = ConvertRequest(ref=str(source), bits=4, group_size=128, output=tmp_path / "out")
        model = workspace.convert(request, inline=True).result().models[0]
    (kept,) = [finding for finding in model.findings if finding.code == "layers_kept"]
    assert "2 layers" in kept.message
    record = json.loads((model.path / "mlx_convert.json").read_text())
    assert [layer["path"] for layer in record["kept_layers"]] == [
        f"model.layers.{number}.mlp.down_proj" for number in range(2)
    ]
