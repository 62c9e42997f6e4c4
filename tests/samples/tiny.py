"""A random llama of two layers in the Hugging Face layout, with a real byte-level tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mlx_convert_core import testing
from mlx_convert_core.plugin import ShardWriter, TensorInfo
from mlx_convert_core.testing import CHAT_TEMPLATE, SPECIAL

VOCABULARY = 384
TEXT = (
    "The capital of France is Paris, and the capital of Italy is Rome. Every model here is a list of numbers.",
    "Numbers such as 0, 1, 23 and 2048 are split; so are café, naïve, 東京 and Привет.",
    "A small model answers badly, but it answers at once, which is all that a test wants from it.",
    "def add(left, right):\n    return left + right\n",
)


def write_tiny_llama(folder: Path, *, layers: int = 2, mark: str = "pt", **config: Any) -> Path:
    """Write the checkpoint; ``config`` replaces fields of config.json. The same numbers every time."""
    folder.mkdir(parents=True)
    settings = tiny_config(layers) | config
    tensors = tuple(
        TensorInfo(name=name, dtype="BF16", shape=shape, shard="model.safetensors")
        for name, shape in tiny_shapes(layers, tied=settings["tie_word_embeddings"])
    )
    numbers = np.random.default_rng(seed=11)
    with ShardWriter(folder, tensors, {"format": mark}) as writer:
        for tensor in tensors:
            values = numbers.standard_normal(tensor.parameters, dtype=np.float32) * 0.05
            if "norm" in tensor.name:
                values += 1
            writer.write(tensor.name, (values.view(np.uint32) >> 16).astype("<u2").tobytes())
    _write_json(folder / "config.json", settings)
    _write_json(folder / "generation_config.json", {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0})
    write_tiny_tokenizer(folder)
    return folder


def tiny_config(layers: int = 2) -> dict[str, Any]:
    """Build config.json of the tiny llama."""
    return testing.tiny_config(layers, VOCABULARY)


def tiny_shapes(layers: int = 2, *, tied: bool = True) -> list[tuple[str, tuple[int, ...]]]:
    """List the names and shapes of the tiny llama's tensors."""
    shapes = list(testing.tiny_shapes(layers, VOCABULARY))
    return shapes if tied else [*shapes, ("lm_head.weight", (VOCABULARY, testing.HIDDEN))]


def write_tiny_tokenizer(folder: Path) -> None:
    """Train a byte-level BPE on a few lines and write it with a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": SPECIAL[1],
            "eos_token": SPECIAL[2],
            "pad_token": SPECIAL[0],
            "unk_token": SPECIAL[0],
            "model_max_length": 512,
            "chat_template": CHAT_TEMPLATE,
            "clean_up_tokenization_spaces": False,
        },
    )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")
