"""Every tensor of a source reaches the result, or the plan, the record, the result and the card say what it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from architectures.checkpoints import write_tiny
from cases.checkpoints import Tensors, add_shard, bfloat16, change_config, tensors_of, write_llama, write_tensors
from samples.gguf import write_llama_gguf

from mlx_convert_core import ConvertedModel, ConvertRequest, Finding, MlxConvertError, PreflightFailed, Workspace
from mlx_convert_core.plugin import entry_of, read_record

Make = Callable[..., ConvertedModel]
SMALL = bfloat16(np.ones((64, 64), np.float32))
ABILITY, UNKNOWN, HARMLESS = "left_out", "left_out_unknown", "left_out_harmless"


@pytest.fixture
def make(workspace: Workspace, tmp_path: Path) -> Make:
    """Convert a source in this process."""

    def make(source: Path, **options: object) -> ConvertedModel:
        request = ConvertRequest(ref=str(source), preset="bf16", output=tmp_path / "made" / "out", **options)  # type: ignore[arg-type]
        return workspace.convert(request, inline=True).result().models[0]

    return make


def with_more(folder: Path, more: Tensors) -> Path:
    write_tensors(folder, tensors_of(folder) | more)
    return folder


def kinds(model: ConvertedModel) -> list[tuple[str, int]]:
    return [(part.kind, part.tensors) for part in model.left_out]


def about(model: ConvertedModel, code: str) -> Finding:
    (found,) = [finding for finding in model.findings if finding.code == code]
    return found


def test_a_whole_model_leaves_nothing_out(make: Make, tmp_path: Path) -> None:
    made = make(write_llama(tmp_path / "source"))
    assert made.left_out == ()
    assert not made.text_only
    assert not [finding for finding in made.findings if finding.code.startswith(("left_out", "text_only"))]
    assert "Not taken over" not in (made.path / "README.md").read_text()


def test_what_is_left_out_stands_in_record_result_and_card(make: Make, tmp_path: Path) -> None:
    source = with_more(write_llama(tmp_path / "source"), {"mtp.norm.weight": SMALL, "mtp.proj.weight": SMALL})
    made = make(source)
    (part,) = made.left_out
    assert (part.kind, part.tensors, part.nbytes) == ("draft", 2, 2 * 64 * 64 * 2)
    record = read_record(made.path)
    assert record is not None
    assert record.left_out == made.left_out
    assert not record.text_only
    card = (made.path / "README.md").read_text()
    assert "draft heads, which guess several tokens ahead \\(2 tensors, 16.4 kB\\), such as `mtp.norm.weight`" in card


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("mtp.layers.0.mlp.up_proj.weight", "draft", ABILITY),
        ("score.weight", "head", ABILITY),
        ("v_head.summary.weight", "head", ABILITY),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", "buffer", HARMLESS),
        ("model.layers.1.self_attn.masked_bias", "buffer", HARMLESS),
    ],
)
@pytest.mark.parametrize(
    "model_type", ["llama", "qwen2"]
)  # one drops such tensors, the other refuses all that it lacks
def test_what_is_beside_a_whole_model_does_not_stop_it(
    make: Make, tmp_path: Path, model_type: str, name: str, kind: str, code: str
) -> None:
    source = with_more(write_llama(tmp_path / "source", model_type=model_type), {name: SMALL})
    if model_type == "qwen2":
        biases = [f"model.layers.{layer}.self_attn.{part}_proj.bias" for layer in (0, 1) for part in "qkv"]
        sizes = {bias: tensors_of(source)[bias.replace("bias", "weight")].shape[:1] for bias in biases}
        with_more(source, {bias: bfloat16(np.zeros(size, np.float32)) for bias, size in sizes.items()})
    made = make(source)
    assert kinds(made) == [(kind, 1)]
    assert about(made, code).level == ("info" if code == HARMLESS else "warning")


@pytest.mark.parametrize(
    ("model_type", "kind"),
    [
        ("glm4_moe", "draft"),  # a layer of its own, after the last
        ("mimo", "draft"),
        ("qwen3_next", "draft"),
        ("gpt2", "buffer"),
        ("gpt_neox", "buffer"),
        ("qwen2", "tied_head"),
        ("gemma4_text", "shared"),
        ("ernie4_5_moe", "unknown"),
    ],
)
def test_what_a_class_drops_is_named_for_what_it_is(make: Make, tmp_path: Path, model_type: str, kind: str) -> None:
    made = make(write_tiny(tmp_path / "source", model_type))
    assert kind in dict(kinds(made))
    assert {part.kind for part in made.left_out} <= {kind, "buffer", "draft"}


@pytest.mark.parametrize("model_type", ["llama-awq", "deepseek_v3-fp8", "kimi_k2-int4"])
def test_of_a_packed_model_nothing_that_was_unpacked_counts_as_left_out(
    make: Make, tmp_path: Path, model_type: str
) -> None:
    made = make(write_tiny(tmp_path / "source", model_type))
    assert {part.kind for part in made.left_out} <= {"buffer", "packing"}


def test_a_gguf_file_leaves_nothing_out(make: Make, tmp_path: Path) -> None:
    assert make(write_llama_gguf(tmp_path / "tiny.gguf")).left_out == ()


def test_layers_that_config_json_does_not_count_are_named(make: Make, tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "source", "deepseek_v32")  # whose class drops whatever comes after the last layer
    telling = ("eh_proj", "enorm", "hnorm")
    write_tensors(source, {name: one for name, one in tensors_of(source).items() if name.split(".")[-2] not in telling})
    made = make(source)
    assert "layers" in dict(kinds(made))
    assert "draft" not in dict(kinds(made))


def test_a_model_is_not_cut_short_where_config_json_counts_too_few_layers(make: Make, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    change_config(source, num_hidden_layers=1)
    with pytest.raises(MlxConvertError) as caught:
        make(source)
    assert caught.value.code == "extra_tensors"


def test_an_adapter_beside_whole_weights_is_not_applied_and_that_is_said(make: Make, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    add_shard(source, {f"{layer}.lora_A.weight": SMALL, f"{layer}.lora_B.weight": SMALL}, "adapter_model.safetensors")
    made = make(source)
    assert kinds(made) == [("adapter", 2)]
    assert about(made, ABILITY).level == "warning"
    assert "adapter_model.safetensors" in about(made, ABILITY).message
    assert not (made.path / "adapter_model.safetensors").exists()


def test_a_weight_file_that_nobody_reads_is_named(make: Make, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    add_shard(source, {"wibble.weight": SMALL}, "extra.safetensors")
    made = make(source)
    assert kinds(made) == [("files", 1)]
    assert "extra.safetensors" in about(made, UNKNOWN).message


def test_an_adapter_inside_the_weights_is_said_to_be_unmerged(make: Make, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    tensors = tensors_of(source)
    name = "model.layers.0.self_attn.q_proj"
    tensors[f"{name}.base_layer.weight"] = tensors.pop(f"{name}.weight")
    write_tensors(source, tensors | {f"{name}.lora_A.default.weight": SMALL, f"{name}.lora_B.default.weight": SMALL})
    with pytest.raises(MlxConvertError) as caught:
        make(source)
    assert caught.value.code == "lora_unmerged"


def test_a_classifier_without_an_output_head_is_said_to_be_one(make: Make, tmp_path: Path) -> None:
    source = write_llama(tmp_path / "source")
    tensors = tensors_of(source)
    tensors["score.weight"] = tensors.pop("lm_head.weight")
    write_tensors(source, tensors)
    with pytest.raises(MlxConvertError) as caught:
        make(source)
    assert caught.value.code == "classifier"
    assert "score.weight" in caught.value.message


SENSES = {"gemma3": "pictures", "kimi_vl": "pictures", "qwen3_vl": "pictures", "muse_spark": "sound"}


@pytest.fixture(params=SENSES)
def seeing(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a model for more than text, with what goes with it."""
    folder = write_tiny(tmp_path / request.param, request.param)
    for name in ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json"):
        (folder / name).write_text("{}")
    change_config(folder, architectures=["TinyForConditionalGeneration"])
    (folder / "README.md").write_text(
        "---\npipeline_tag: image-text-to-text\ntags: [vision, chat, image-text-to-text]\n---\n"
    )
    return folder


def test_losing_pictures_and_sound_has_to_be_agreed_to(make: Make, seeing: Path, tmp_path: Path) -> None:
    with pytest.raises(PreflightFailed) as caught:
        make(seeing)
    assert caught.value.code == "text_only"
    assert SENSES[seeing.name] in caught.value.message
    assert not (tmp_path / "made").exists()


def test_where_no_file_says_how_pictures_go_in_nothing_is_asked(make: Make, tmp_path: Path) -> None:
    made = make(write_tiny(tmp_path / "gemma3", "gemma3"))
    assert made.text_only
    assert about(made, ABILITY).message.endswith("Without it, it takes no pictures.")
    assert "- Takes **text only**" in (made.path / "README.md").read_text()


def test_a_text_only_result_says_so_everywhere(make: Make, seeing: Path) -> None:
    made = make(seeing, text_only=True)
    assert made.text_only
    assert about(made, "text_only").level == "warning"
    assert not list(made.path.glob("*processor_config.json"))
    config = json.loads((made.path / "config.json").read_text())
    assert config["architectures"] == ["TinyForCausalLM"]
    card = (made.path / "README.md").read_text()
    assert 'pipeline_tag: "text-generation"\ntags:\n- "mlx"\n- "chat"\n' in card
    assert "- Takes **text only**" in card
    record, entry = read_record(made.path), entry_of(made.path)
    assert record is not None
    assert entry is not None
    assert (record.text_only, entry.text_only) == (True, True)
    assert record.left_out == made.left_out


def test_a_text_only_result_loads_by_mlx_lm(make: Make, tmp_path: Path) -> None:
    import mlx.core as mx
    from mlx_lm import load

    made = make(write_tiny(tmp_path / "gemma3", "gemma3"), text_only=True)
    assert "vision_config" not in json.loads((made.path / "config.json").read_text())
    model = load(str(made.path))[0]
    assert model(mx.array([[1, 2, 3]])).shape[:2] == (1, 3)
