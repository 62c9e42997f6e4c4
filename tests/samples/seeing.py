"""The tiny llama as the text model of one that sees: a vision tower, a projector, and files about pictures."""

from __future__ import annotations

import json
from pathlib import Path

from mlx_convert_core.plugin import ShardWriter, TensorInfo, read_header

TOWER = {"vision_tower.patch_conv.weight": (16, 16), "multi_modal_projector.linear_1.weight": (16, 16)}


def write_seeing(llama: Path, folder: Path) -> Path:
    """Write it to ``folder``, made of the checkpoint ``llama``."""
    folder.mkdir(parents=True)
    weights = llama / "model.safetensors"
    inside = {
        tensor: tensor.replace(name=f"language_model.{tensor.name}", start=0, end=0) for tensor in read_header(weights)
    }
    towers = [TensorInfo(name=name, dtype="BF16", shape=shape, shard=weights.name) for name, shape in TOWER.items()]
    content = weights.read_bytes()
    with ShardWriter(folder, (*inside.values(), *towers), {"format": "pt"}) as writer:
        for tensor, renamed in inside.items():
            writer.write(renamed.name, content[tensor.start : tensor.end])
        for tower in towers:
            writer.write(tower.name, bytes(tower.nbytes))
    config = {
        "architectures": ["Mistral3ForConditionalGeneration"],
        "model_type": "mistral3",
        "text_config": json.loads((llama / "config.json").read_text()),
        "vision_config": {"model_type": "pixtral", "hidden_size": 16, "image_size": 28, "patch_size": 14},
        "torch_dtype": "bfloat16",
    }
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("preprocessor_config.json", "processor_config.json"):
        (folder / name).write_text("{}")
    for path in llama.glob("tokenizer*"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder
