"""What a tensor that no result holds is for: told by rules, for models that nobody has seen as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlx_convert_core.model.left_out import KINDS
from mlx_convert_core.plugin import FileInfo, LeftOut, ModelInfo, TensorInfo, TensorKinds, account_for

SQUARE = (1, 1, 8, 8)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("vision_tower.encoder.layers.0.self_attn.q_proj.weight", "vision"),
        ("model.visual.blocks.3.attn.qkv.bias", "vision"),
        ("model.visual.merger.mlp.0.weight", "vision"),
        ("vpm.embeddings.patch_embedding.weight", "vision"),
        ("image_newline", "vision"),
        ("model.embed_vision.embedding.weight", "vision"),
        ("thinker.audio_tower.conv1.weight", "audio"),
        ("talker.model.layers.0.mlp.up_proj.weight", "audio"),
        ("token2wav.code2wav_bigvgan_model.conv_pre.weight", "audio"),
        ("speech_encoder.layers.0.fc1.weight", "audio"),
        ("multi_modal_projector.linear_1.weight", "projector"),
        ("mm_projector.0.weight", "projector"),
        ("aligner.layers.0.weight", "projector"),
        ("mtp.layers.0.mlp.up_proj.weight", "draft"),
        ("model.mtp_layers.0.eh_proj.weight", "draft"),
        ("medusa_head.0.0.linear.weight", "draft"),
        ("score.weight", "head"),
        ("classifier.dense.weight", "head"),
        ("v_head.summary.weight", "head"),
        ("reward_head.bias", "head"),
        ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "adapter"),
        ("model.layers.0.mlp.up_proj.base_layer.weight", "adapter"),
        ("lm_head.weight", "tied_head"),
        ("embed_out.weight", "tied_head"),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", "buffer"),
        ("transformer.h.0.attn.masked_bias", "buffer"),
        ("model.embeddings.position_ids", "buffer"),
        ("model.layers.0.mlp.down_proj.input_scale", "packing"),
        ("model.layers.0.self_attn.k_proj.k_scale", "packing"),
        ("model.layers.0.mlp.down_proj.weight_scale_inv", "scales"),
        ("model.layers.1.mlp.gate.e_score_correction_bias", "unknown"),
        ("model.wibble.weight", "unknown"),
        ("weight", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_name_says_what_a_tensor_is_for(name: str, kind: str) -> None:
    assert TensorKinds({"num_hidden_layers": 8}).of(name, (8, 8)) == kind
    assert kind in KINDS


@pytest.mark.parametrize(
    ("config", "name", "kind"),
    [
        ({"gaze_config": {"image_size": 224, "num_hidden_layers": 2}}, "gaze.layers.1.weight", "vision"),
        ({"gaze_config": {"image_size": 224}}, "model.gaze_model.layers.1.weight", "vision"),
        ({"ear_config": {"num_mel_bins": 80}}, "ear_tower.conv.weight", "audio"),
        ({"thinker_config": {"ear_config": {"sampling_rate": 16000}}}, "thinker.ear.conv.weight", "audio"),
        ({"text_config": {"image_size": 1}}, "text.layers.0.weight", "unknown"),
        ({"quantization_config": {"bits": 4}}, "quantization.weight", "unknown"),
    ],
)
def test_a_config_within_config_json_says_what_its_branch_is_for(config: dict[str, Any], name: str, kind: str) -> None:
    assert TensorKinds(config).of(name) == kind


def test_a_layer_beyond_the_last_is_a_draft_head_where_anything_says_so() -> None:
    name = "model.layers.4.mlp.up_proj.weight"
    assert TensorKinds({"num_hidden_layers": 4}).of(name) == "layers"
    assert TensorKinds({"text_config": {"num_hidden_layers": 4, "num_nextn_predict_layers": 1}}).of(name) == "draft"
    assert TensorKinds({"num_hidden_layers": 4}, ["model.layers.4.eh_proj.weight"]).of(name) == "draft"
    assert TensorKinds({"num_hidden_layers": 5}).of(name) == "unknown"
    assert TensorKinds({"vision_config": {"num_hidden_layers": 2}}).of(name) == "unknown"


def test_keys_that_an_earlier_layer_shares_are_told_from_others() -> None:
    kinds = TensorKinds({"text_config": {"num_hidden_layers": 4, "num_kv_shared_layers": 1}})
    assert kinds.of("model.language_model.layers.3.self_attn.k_proj.weight") == "shared"
    assert kinds.of("model.language_model.layers.2.self_attn.k_proj.weight") == "unknown"
    assert kinds.of("model.language_model.layers.3.self_attn.q_proj.weight") == "unknown"


def test_a_causal_mask_is_told_from_a_bias_by_its_shape() -> None:
    kinds = TensorKinds({})
    assert kinds.of("h.0.attn.bias", SQUARE) == "buffer"
    assert kinds.of("h.0.attn.bias", (8,)) == "unknown"


def nested(levels: int) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for _ in range(levels):
        config = {"x_config": config}
    return config


@pytest.mark.parametrize("config", [{"num_hidden_layers": "x"}, {"vision_config": None}, nested(2_000)])
def test_an_odd_config_does_no_harm(config: dict[str, Any]) -> None:
    assert TensorKinds(config).of("model.layers.7.weight") == "unknown"


def model_of(*names: str, files: tuple[FileInfo, ...] = (), path: Path | None = None, **config: Any) -> ModelInfo:
    tensors = tuple(TensorInfo(name=name, dtype="BF16", shape=(2, 2), shard="model.safetensors") for name in names)
    return ModelInfo(ref="x", name="x", config=config, tensors=tensors, files=files, path=path)


def test_what_is_left_out_is_counted_by_kind_with_some_names() -> None:
    heads = [f"mtp.{number}.weight" for number in range(5)]
    found = account_for(model_of("model.norm.weight", *heads, "wibble"), ["model.norm.weight"])
    assert found.left_out == (
        LeftOut(kind="draft", tensors=5, nbytes=40, examples=tuple(heads[:3])),
        LeftOut(kind="unknown", tensors=1, nbytes=8, examples=("wibble",)),
    )
    assert not found.text_only


def test_text_only_is_what_has_lost_its_senses_and_kept_none() -> None:
    names = ("model.norm.weight", "vision_tower.weight", "audio_tower.weight")
    assert account_for(model_of(*names), names[:1]).text_only
    assert not account_for(model_of(*names), names[:2]).text_only  # it still sees
    assert not account_for(model_of(*names), names).text_only
    assert not account_for(model_of("model.norm.weight", "multi_modal_projector.weight"), names[:1]).text_only


def test_weight_files_that_nobody_reads_are_accounted_for(tmp_path: Path) -> None:
    files = [
        ("model.safetensors", 100),
        ("adapter_model.bin", 7),
        ("consolidated.safetensors", 8),
        ("mtp.safetensors", 9),
        ("model.fp16.safetensors", 10),
    ]
    infos = tuple(FileInfo(name=name, size=size) for name, size in files)
    (tmp_path / "mtp.safetensors").write_bytes(b"no header")
    found = account_for(model_of("a", files=infos, path=tmp_path), ["a"])
    assert [(part.kind, part.tensors, part.nbytes, part.examples) for part in found.left_out] == [
        ("adapter", 0, 7, ("adapter_model.bin",)),
        ("files", 0, 9, ("mtp.safetensors",)),
        ("again", 0, 10, ("model.fp16.safetensors",)),
        ("copy", 0, 8, ("consolidated.safetensors",)),
    ]
