"""A small random llama in the Hugging Face layout, in as many shards as a test wants."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mlx_convert_core.plugin import ShardWriter, TensorInfo

HIDDEN, INNER, VOCABULARY = 128, 256, 320
CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": INNER,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "rms_norm_eps": 1e-5,
    "vocab_size": VOCABULARY, "max_position_embeddings": 512, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
}  # fmt: skip


def write_llama(
    folder: Path, *, layers: int = 2, shards: int = 1, hidden: int = HIDDEN, inner: int = INNER, **config: Any
) -> Path:
    """Write the checkpoint; the same weights every time for the same shape."""
    folder.mkdir(parents=True)
    names = [("model.embed_tokens.weight", (VOCABULARY, hidden)), ("model.norm.weight", (hidden,))]
    for layer in range(layers):
        path = f"model.layers.{layer}"
        names += [
            (f"{path}.self_attn.q_proj.weight", (hidden, hidden)),
            (f"{path}.self_attn.k_proj.weight", (hidden // 2, hidden)),
            (f"{path}.self_attn.v_proj.weight", (hidden // 2, hidden)),
            (f"{path}.self_attn.o_proj.weight", (hidden, hidden)),
            (f"{path}.mlp.gate_proj.weight", (inner, hidden)),
            (f"{path}.mlp.up_proj.weight", (inner, hidden)),
            (f"{path}.mlp.down_proj.weight", (hidden, inner)),
            (f"{path}.input_layernorm.weight", (hidden,)),
            (f"{path}.post_attention_layernorm.weight", (hidden,)),
        ]
    tensors = [TensorInfo(name=name, dtype="BF16", shape=shape) for name, shape in names]
    planned = [one.replace(shard=_shard(number, len(tensors), shards)) for number, one in enumerate(tensors)]
    numbers = np.random.default_rng(7)
    with ShardWriter(folder, planned, {"format": "pt"}) as writer:
        for tensor in planned:
            values = numbers.standard_normal(tensor.parameters, dtype=np.float32) * 0.05
            writer.write(tensor.name, memoryview((values.view(np.uint32) >> 16).astype(np.uint16)).cast("B"))
    if shards > 1:
        weight_map = {tensor.name: tensor.shard for tensor in planned}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    sizes = {
        "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers,
        "num_attention_heads": hidden // 32, "num_key_value_heads": hidden // 64,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps({**CONFIG, **sizes, **config}))
    write_tokenizer(folder)
    return folder


def write_tokenizer(folder: Path) -> None:
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, **{f"w{number}": number for number in range(3, VOCABULARY)}}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def _shard(number: int, tensors: int, shards: int) -> str:
    if shards == 1:
        return "model.safetensors"
    return f"model-{number * shards // tensors + 1:05d}-of-{shards:05d}.safetensors"
