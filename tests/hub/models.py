"""Small repos for the tests, and a reporter that remembers."""

from __future__ import annotations

import json
import random
import struct
import threading
from typing import Any

from mlx_convert_core import Cancelled

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
    header = json.dumps({name: {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
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


class Recorder:
    """A Reporter that keeps what it is told, and that can be cancelled."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        self.messages: list[str] = []
        self.cancelled = threading.Event()

    def progress(self, step: str, done: int, total: int, unit: str = "bytes") -> None:
        assert (step, unit) == ("fetch", "bytes")
        self.steps.append((done, total))

    def message(self, text: str, level: Any = "info") -> None:
        self.messages.append(text)

    def token(self, text: str) -> None:
        raise AssertionError("a fetch has no tokens")

    def check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled("cancelled.")
