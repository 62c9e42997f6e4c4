"""What the tensors are called, and which of them there are: prefixes, adapters, other parts, other files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from architectures.checkpoints import write_tiny

from cases.checkpoints import (
    add_shard,
    change_json,
    rename_tensors,
    stored,
    tensors_of,
    write_llama,
    write_tensors,
)
from cases.converting import Convert, compute_the_same

ADAPTER = {"peft_type": "LORA", "base_model_name_or_path": "meta-llama/Llama-3.2-1B", "r": 8, "lora_alpha": 16}
LOW_RANK = stored("F32", np.full((8, 128), 0.01))


def test_compiled_prefix(convert: Convert, llama: Path, tmp_path: Path) -> None:
    plain = convert(llama, "bf16")
    compiled = write_llama(tmp_path / "compiled")
    rename_tensors(compiled, lambda name: f"_orig_mod.{name}")
    made = convert(compiled, "bf16")
    assert compute_the_same(made.path, plain.path) if made.path else made.says("prefix|torch.compile")


def test_embedding_no_prefix(convert: Convert, tmp_path: Path) -> None:
    whole, bare = (write_tiny(tmp_path / name, "qwen3") for name in ("whole", "bare"))
    for source in (whole, bare):
        change_json(source / "config.json", tie_word_embeddings=True)
        write_tensors(source, {name: one for name, one in tensors_of(source).items() if name != "lm_head.weight"})
    rename_tensors(bare, lambda name: name.removeprefix("model."))
    made = convert(bare, "bf16")
    assert compute_the_same(made.path, convert(whole, "bf16").path) if made.path else made.says("prefix")


def test_gemma3_new_prefix(convert: Convert, tmp_path: Path) -> None:
    older, newer = (write_tiny(tmp_path / name, "gemma3") for name in ("older", "newer"))
    rename_tensors(newer, _as_transformers_5_saves_it)
    made = convert(newer, "bf16", trust_remote_code=False)
    if made.path is None:
        assert made.says("prefix|layout|picture|vision")
        assert not made.says("KeyError")
    else:
        assert compute_the_same(made.path, convert(older, "bf16").path)


def _as_transformers_5_saves_it(name: str) -> str:
    return f"model.{name.replace('language_model.model.', 'language_model.')}"


def test_lora_not_merged(convert: Convert, llama: Path) -> None:
    name = "model.layers.0.self_attn.q_proj"
    tensors = tensors_of(llama)
    tensors[f"{name}.base_layer.weight"] = tensors.pop(f"{name}.weight")
    tensors |= {f"{name}.lora_A.weight": LOW_RANK, f"{name}.lora_B.weight": stored("F32", np.zeros((128, 8)))}
    write_tensors(llama, tensors)
    made = convert(llama)
    assert made.path is None
    assert made.says("adapter|LoRA|merged")


def test_adapter_beside_weights(convert: Convert, llama: Path) -> None:
    (llama / "adapter_config.json").write_text(json.dumps(ADAPTER | {"target_modules": ["q_proj"]}))
    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    add_shard(llama, {f"{layer}.lora_A.weight": LOW_RANK}, "adapter_model.safetensors")
    assert convert(llama).says("adapter|LoRA")


def test_vision_dropped_gemma3(convert: Convert, tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "gemma3", "gemma3")
    (source / "preprocessor_config.json").write_text('{"image_processor_type": "Gemma3ImageProcessor"}')
    (source / "processor_config.json").write_text('{"processor_class": "Gemma3Processor"}')
    made = convert(source)
    assert made.says("vision|picture|image|text only")
    assert made.path is None or not [*made.path.glob("*processor_config.json")]


def test_index_of_old_shards(convert: Convert, llama: Path, tmp_path: Path) -> None:
    tensors = tensors_of(llama)
    names = sorted(tensors)
    half = len(names) // 2
    write_tensors(llama, {name: tensors[name] for name in names[:half]}, "model-00001-of-00002.safetensors")
    add_shard(llama, {name: tensors[name] for name in names[half:]}, "model-00002-of-00002.safetensors")
    older = {name: f"model-{number % 4 + 1:05d}-of-00004.safetensors" for number, name in enumerate(names)}
    (llama / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": older}))
    made = convert(llama, "bf16")
    assert compute_the_same(made.path, convert(write_llama(tmp_path / "whole"), "bf16").path)


def test_pass_stray_shard(convert: Convert, llama: Path) -> None:
    tensors = tensors_of(llama)
    names = sorted(tensors)
    write_tensors(llama, {name: tensors[name] for name in names[:10]}, "model-00001-of-00002.safetensors")
    add_shard(llama, {name: tensors[name] for name in names[10:]}, "model-00002-of-00002.safetensors")
    index = {name: f"model-0000{1 if name in names[:10] else 2}-of-00002.safetensors" for name in names}
    (llama / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    add_shard(llama, tensors, "model.safetensors")
    made = convert(llama)
    assert made.path is not None or made.says("^mixed_shards")
