"""Small repos for the tests, and a reporter that remembers."""

from __future__ import annotations

import json
import random
import struct
import threading
from pathlib import Path
from typing import Any

from mlx_convert_hub.card.model_card import model_card

from mlx_convert_core import Cancelled, ModelInfo, OutputPlan, Quantization

CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8}
CARD = """---
license: apache-2.0
language: [en]
base_model: org/base
tags: [chat]
widget: secret
---
# A model
"""


def safetensors(name: str, size: int, seed: int = 0) -> bytes:
    """A file with one tensor of ``size`` random bytes."""
    about = {name: {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}, "__metadata__": {"format": "mlx"}}
    header = json.dumps(about).encode()
    return struct.pack("<Q", len(header)) + header + random.Random(seed).randbytes(size)


def model_files(shards: int = 1, size: int = 1 << 20) -> dict[str, bytes | str]:
    """The files of a model with ``shards`` weight files of about ``size`` bytes."""
    names = [f"model-{n:05d}-of-{shards:05d}.safetensors" for n in range(1, shards + 1)]
    names = ["model.safetensors"] if shards == 1 else names
    weights = {name: safetensors(f"tensor.{n}", size, seed=n) for n, name in enumerate(names)}
    return {
        "config.json": json.dumps(CONFIG),
        "tokenizer.json": "{}",
        "README.md": CARD,
        "LICENSE": "free",
        ".gitattributes": "*.safetensors filter=lfs",
        "pytorch_model.bin": b"\x80pickle",
        "modeling_own.py": "print('owned')",
        "onnx/model.onnx": b"\0onnx",
        **weights,
    }


def converted_folder(
    folder: Path, *, source: str = "org/Tiny", bits: int = 4, shards: int = 1, size: int = 1 << 20, seed: int = 0
) -> Path:
    """A folder as a conversion leaves it, with random weights."""
    folder.mkdir(parents=True)
    names = [f"model-{n:05d}-of-{shards:05d}.safetensors" for n in range(1, shards + 1)]
    for number, name in enumerate(["model.safetensors"] if shards == 1 else names):
        (folder / name).write_bytes(safetensors(f"tensor.{number}", size, seed=seed + number))
    (folder / "config.json").write_text(json.dumps({**CONFIG, "quantization": {"bits": bits, "group_size": 64}}))
    (folder / "tokenizer.json").write_text("{}")
    quantization = Quantization(bits=bits, group_size=64)
    output = OutputPlan(preset=f"{bits}bit", path=folder, quantization=quantization, parameters=size, weight_bytes=size)
    repo_id = source if source.count("/") == 1 else None
    model = ModelInfo(ref=source, name="Tiny", repo_id=repo_id, revision="c" * 40, card={"license": "mit"})
    (folder / "README.md").write_text(model_card(model, output))
    record = {
        "schema": 1,
        "source": {"ref": source, "revision": "c" * 40},
        "recipe": {"preset": f"{bits}bit", "bits": bits, "group_size": 64},
        "measurements": {},
        "files": {path.name: {} for path in folder.iterdir()},
    }
    (folder / "mlx_convert.json").write_text(json.dumps(record))
    return folder


class Recorder:
    """A Reporter that keeps what it is told, and that can be cancelled."""

    def __init__(self, step: str = "fetch") -> None:
        self.step = step
        self.steps: list[tuple[int, int]] = []
        self.found = 0
        self.messages: list[str] = []
        self.cancelled = threading.Event()

    def progress(self, step: str, done: int, total: int, unit: str = "bytes", *, found: int = 0) -> None:
        assert (step, unit) == (self.step, "bytes")
        assert found <= done
        self.steps.append((done, total))
        self.found = found

    def message(self, text: str, level: Any = "info") -> None:
        self.messages.append(text)

    def token(self, text: str) -> None:
        raise AssertionError("a fetch has no tokens")

    def check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled("cancelled.")
