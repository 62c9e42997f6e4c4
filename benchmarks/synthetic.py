"""Checkpoints of real shapes with random weights, bf16 or 8-bit floats, in the Hugging Face layout, made in seconds.

python benchmarks/synthetic.py llama-1b FOLDER
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlx_convert_core.plugin import ShardWriter, TensorInfo, split

SHARD_BYTES = 5 << 30
SEED = 20
SIGNS = np.array([0, 0x80], np.uint8)
Tensors = Iterator[tuple[str, tuple[int, ...]]]


def write_synthetic(folder: Path, kind: str) -> Path:
    """Write the checkpoint ``kind`` (a key of `KINDS`) into ``folder``, anew; the same bytes every time."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config, tensors = KINDS[kind]()
    planned = list(_sharded(_stored(config, tensors)))
    numbers = np.random.default_rng(SEED)
    block = (numbers.standard_normal(1 << 22, dtype=np.float32) * 0.02).view(np.uint32) >> 16
    blocks = {
        "BF16": block.astype(np.uint16),
        "F8_E4M3": numbers.integers(0, 0x7F, 1 << 22, dtype=np.uint8) | numbers.choice(SIGNS, 1 << 22),
        "F32": numbers.uniform(1e-4, 3e-4, 1 << 16).astype(np.float32),
    }
    with ShardWriter(folder, planned, {"format": "pt"}) as writer:
        for tensor in planned:
            block = blocks[tensor.dtype]
            rolled = np.roll(block, int(numbers.integers(block.size)))
            values = np.resize(rolled, tensor.parameters)
            writer.write(tensor.name, memoryview(values).cast("B"))
    index = {"metadata": {}, "weight_map": {tensor.name: tensor.shard for tensor in planned}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    _write_tokenizer(folder)
    return folder


def _stored(config: dict[str, Any], tensors: Tensors) -> Iterator[TensorInfo]:
    """The tensors in bf16; where the config says so, linear layers in 8-bit floats with a scale for each block."""
    down, across = config.get("quantization_config", {}).get("weight_block_size", (0, 0))
    for name, shape in tensors:
        if down and "_proj" in name:
            yield TensorInfo(name=name, dtype="F8_E4M3", shape=shape)
            blocks = (-(-shape[0] // down), -(-shape[1] // across))
            yield TensorInfo(name=f"{name}_scale_inv", dtype="F32", shape=blocks)
        else:
            yield TensorInfo(name=name, dtype="F32" if name.endswith("_bias") else "BF16", shape=shape)


def _sharded(tensors: Iterator[TensorInfo]) -> Iterator[TensorInfo]:
    groups = split(tensors, SHARD_BYTES)
    for number, members in enumerate(groups, 1):
        for tensor in members:
            yield tensor.replace(shard=f"model-{number:05d}-of-{len(groups):05d}.safetensors")


def _llama(
    hidden: int, inner: int, layers: int, heads: int, kv_heads: int, head: int
) -> tuple[dict[str, Any], Tensors]:
    config = _config(
        "llama", "LlamaForCausalLM", hidden, inner, layers, heads, kv_heads, head, vocab_size=128256, rope_theta=5e5
    )

    def tensors() -> Tensors:
        yield "model.embed_tokens.weight", (128256, hidden)
        for layer in range(layers):
            path = f"model.layers.{layer}"
            yield from _attention(path, hidden, heads * head, kv_heads * head)
            yield from _mlp(f"{path}.mlp", hidden, inner)
            yield from _norms(path, hidden)
        yield "model.norm.weight", (hidden,)

    return config, tensors()


def _qwen3_moe() -> tuple[dict[str, Any], Tensors]:
    hidden, inner, layers, heads, kv_heads, head, experts = 1024, 384, 12, 16, 4, 64, 64
    config = _config(
        "qwen3_moe", "Qwen3MoeForCausalLM", hidden, 4 * inner, layers, heads, kv_heads, head, vocab_size=151936,
        rope_theta=1e6, num_experts=experts, num_experts_per_tok=8, decoder_sparse_step=1, mlp_only_layers=[],
        moe_intermediate_size=inner, norm_topk_prob=True,
    )  # fmt: skip

    def tensors() -> Tensors:
        yield "model.embed_tokens.weight", (151936, hidden)
        for layer in range(layers):
            path = f"model.layers.{layer}"
            yield from _attention(path, hidden, heads * head, kv_heads * head)
            yield f"{path}.self_attn.q_norm.weight", (head,)
            yield f"{path}.self_attn.k_norm.weight", (head,)
            yield f"{path}.mlp.gate.weight", (experts, hidden)
            for expert in range(experts):
                yield from _mlp(f"{path}.mlp.experts.{expert}", hidden, inner)
            yield from _norms(path, hidden)
        yield "model.norm.weight", (hidden,)

    return config, tensors()


def _deepseek_v3() -> tuple[dict[str, Any], Tensors]:
    hidden, expert, layers, heads, experts, query, rank, nope, rope = 1024, 384, 24, 8, 64, 256, 256, 64, 32
    config = _config(
        "deepseek_v3", "DeepseekV3ForCausalLM", hidden, 4 * expert, layers, heads, heads, nope, vocab_size=65536,
        rope_theta=1e4, n_routed_experts=experts, n_shared_experts=1, num_experts_per_tok=8, moe_layer_freq=1,
        first_k_dense_replace=1, moe_intermediate_size=expert, q_lora_rank=query, kv_lora_rank=rank,
        qk_nope_head_dim=nope, qk_rope_head_dim=rope, v_head_dim=nope, n_group=1, topk_group=1,
        routed_scaling_factor=2.5, norm_topk_prob=True, topk_method="noaux_tc", scoring_func="sigmoid",
        attention_bias=False,
        quantization_config={"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]},
    )  # fmt: skip
    config["tie_word_embeddings"] = False

    def tensors() -> Tensors:
        yield "model.embed_tokens.weight", (65536, hidden)
        for layer in range(layers):
            path = f"model.layers.{layer}"
            yield f"{path}.self_attn.q_a_proj.weight", (query, hidden)
            yield f"{path}.self_attn.q_a_layernorm.weight", (query,)
            yield f"{path}.self_attn.q_b_proj.weight", (heads * (nope + rope), query)
            yield f"{path}.self_attn.kv_a_proj_with_mqa.weight", (rank + rope, hidden)
            yield f"{path}.self_attn.kv_a_layernorm.weight", (rank,)
            yield f"{path}.self_attn.kv_b_proj.weight", (heads * 2 * nope, rank)
            yield f"{path}.self_attn.o_proj.weight", (hidden, heads * nope)
            yield from _norms(path, hidden)
            if not layer:
                yield from _mlp(f"{path}.mlp", hidden, 4 * expert)
                continue
            yield f"{path}.mlp.gate.weight", (experts, hidden)
            yield f"{path}.mlp.gate.e_score_correction_bias", (experts,)
            for number in range(experts):
                yield from _mlp(f"{path}.mlp.experts.{number}", hidden, expert)
            yield from _mlp(f"{path}.mlp.shared_experts", hidden, expert)
        yield "model.norm.weight", (hidden,)
        yield "lm_head.weight", (65536, hidden)

    return config, tensors()


def _lfm2() -> tuple[dict[str, Any], Tensors]:
    hidden, inner, layers, heads, kv_heads, head = 2048, 8192, 16, 32, 8, 64
    attention = [2, 5, 8, 10, 12, 14]
    config = _config(
        "lfm2", "Lfm2ForCausalLM", hidden, 12288, layers, heads, kv_heads, head, vocab_size=65536, rope_theta=1e6,
        block_dim=hidden, block_ff_dim=12288, block_multiple_of=256, block_ffn_dim_multiplier=1.0,
        block_auto_adjust_ff_dim=True, conv_L_cache=3, conv_bias=False, norm_eps=1e-5, full_attn_idxs=attention,
        layer_types=["full_attention" if layer in attention else "conv" for layer in range(layers)],
    )  # fmt: skip

    def tensors() -> Tensors:
        yield "model.embed_tokens.weight", (65536, hidden)
        yield "model.embedding_norm.weight", (hidden,)
        for layer in range(layers):
            path = f"model.layers.{layer}"
            if layer in attention:
                for name, rows in (("q_proj", heads), ("k_proj", kv_heads), ("v_proj", kv_heads)):
                    yield f"{path}.self_attn.{name}.weight", (rows * head, hidden)
                yield f"{path}.self_attn.out_proj.weight", (hidden, heads * head)
                yield f"{path}.self_attn.q_layernorm.weight", (head,)
                yield f"{path}.self_attn.k_layernorm.weight", (head,)
            else:
                yield f"{path}.conv.conv.weight", (hidden, 1, 3)
                yield f"{path}.conv.in_proj.weight", (3 * hidden, hidden)
                yield f"{path}.conv.out_proj.weight", (hidden, hidden)
            for name, shape in (("w1", (inner, hidden)), ("w3", (inner, hidden)), ("w2", (hidden, inner))):
                yield f"{path}.feed_forward.{name}.weight", shape
            yield f"{path}.operator_norm.weight", (hidden,)
            yield f"{path}.ffn_norm.weight", (hidden,)

    return config, tensors()


def _attention(path: str, hidden: int, queries: int, keys: int) -> Tensors:
    yield f"{path}.self_attn.q_proj.weight", (queries, hidden)
    yield f"{path}.self_attn.k_proj.weight", (keys, hidden)
    yield f"{path}.self_attn.v_proj.weight", (keys, hidden)
    yield f"{path}.self_attn.o_proj.weight", (hidden, queries)


def _mlp(path: str, hidden: int, inner: int) -> Tensors:
    yield f"{path}.gate_proj.weight", (inner, hidden)
    yield f"{path}.up_proj.weight", (inner, hidden)
    yield f"{path}.down_proj.weight", (hidden, inner)


def _norms(path: str, hidden: int) -> Tensors:
    yield f"{path}.input_layernorm.weight", (hidden,)
    yield f"{path}.post_attention_layernorm.weight", (hidden,)


def _config(
    model_type: str, architecture: str, hidden: int, inner: int, layers: int, heads: int, kv_heads: int, head: int,
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    return {
        "architectures": [architecture], "model_type": model_type, "hidden_size": hidden, "intermediate_size": inner,
        "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
        "head_dim": head, "rms_norm_eps": 1e-5, "max_position_embeddings": 8192, "tie_word_embeddings": True,
        "torch_dtype": "bfloat16", **more,
    }  # fmt: skip


def _write_tokenizer(folder: Path) -> None:
    """A word-level tokenizer, so that mlx_lm.convert, which loads one, can run."""
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, **{f"w{number}": number for number in range(3, 100)}}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


KINDS = {
    "llama-tiny": lambda: _llama(256, 1024, 2, 4, 2, 64),  # 0.07 GB
    "llama-0.2b": lambda: _llama(512, 2048, 24, 8, 4, 64),  # 0.28 GB
    "llama-1b": lambda: _llama(2048, 8192, 16, 32, 8, 64),  # Llama-3.2-1B, 2.47 GB
    "llama-3b": lambda: _llama(3072, 8192, 28, 24, 8, 128),  # Llama-3.2-3B, 6.4 GB
    "qwen3moe-2b": _qwen3_moe,  # 64 experts, 12 layers, 2.1 GB
    "deepseek-fp8-2b": _deepseek_v3,  # 64 experts, 24 layers, 8-bit floats in blocks, 2.0 GB
    "lfm2-1.2b": _lfm2,  # LFM2-1.2B, 2.3 GB
}

if __name__ == "__main__":
    write_synthetic(Path(sys.argv[2]), sys.argv[1])
