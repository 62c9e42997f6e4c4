"""The least that is an MLX model: to be found, or to stand in the way."""

from __future__ import annotations

from pathlib import Path

from mlx_convert_core.plugin import ShardWriter, TensorInfo


def write_mlx_folder(folder: Path) -> Path:
    """Write a model of one tensor into ``folder``, and a ``LICENSE`` that says "precious"."""
    folder.mkdir(parents=True)
    tensor = TensorInfo(name="model.norm.weight", dtype="BF16", shape=(2,), shard="model.safetensors")
    with ShardWriter(folder, [tensor], {"format": "mlx"}) as writer:
        writer.write(tensor.name, bytes(4))
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "LICENSE").write_text("precious")
    return folder
