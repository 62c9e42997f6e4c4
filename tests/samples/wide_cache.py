"""A small model with an enormous key/value cache: half a megabyte a token, so that a long answer fits nowhere."""

from __future__ import annotations

import json
from pathlib import Path

from mlx_convert_core.plugin import ShardWriter, TensorInfo
from mlx_convert_core.testing import tiny_config, write_tiny_checkpoint

HIDDEN, HEAD, LAYERS, VOCABULARY = 16, 8192, 16, 320


def write_wide_cache(folder: Path) -> Path:
    """Write an MLX model that ends each answer at once: all its numbers are 0, and so is the token that ends one."""
    write_tiny_checkpoint(folder)
    tensors = tuple(
        TensorInfo(name=name, dtype="BF16", shape=shape, shard="model.safetensors") for name, shape in _shapes().items()
    )
    (folder / "model.safetensors").unlink()
    with ShardWriter(folder, tensors, {"format": "mlx"}) as writer:
        for tensor in tensors:
            writer.write(tensor.name, bytes(2 * tensor.parameters))
    config = tiny_config(LAYERS) | {"hidden_size": HIDDEN, "intermediate_size": HIDDEN, "head_dim": HEAD}
    config |= {"num_attention_heads": 1, "num_key_value_heads": 1, "eos_token_id": 0}
    for name in ("config.json", "generation_config.json"):
        (folder / name).write_text(json.dumps(config))
    return folder


def _shapes() -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (VOCABULARY, HIDDEN),
        "model.norm.weight": (HIDDEN,),
    }
    for number in range(LAYERS):
        layer = f"model.layers.{number}"
        found |= {f"{layer}.self_attn.{name}_proj.weight": (HEAD, HIDDEN) for name in "qkv"}
        found |= {f"{layer}.self_attn.o_proj.weight": (HIDDEN, HEAD)}
        found |= {f"{layer}.mlp.{name}_proj.weight": (HIDDEN, HIDDEN) for name in ("gate", "up", "down")}
        found |= {f"{layer}.{name}_layernorm.weight": (HIDDEN,) for name in ("input", "post_attention")}
    return found
