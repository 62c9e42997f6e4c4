"""A tiny random Gemma 3 that sees: checkpoint, tokenizer and what prepares pictures, as in its Hugging Face repos."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tiny

SPECIAL = ["<pad>", "<eos>", "<bos>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"]
PICTURE = 56  # pixels a side; patches of 14, pooled to 4 tokens
TEMPLATE = (
    "{{ bos_token }}{% for turn in messages %}{{ turn['role'] }}: {% if turn['content'] is string %}"
    "{{ turn['content'] }}{% else %}{% for part in turn['content'] %}{% if part['type'] == 'image' %}"
    "<start_of_image>{% else %}"
    "{{ part['text'] }}{% endif %}{% endfor %}{% endif %}\n{% endfor %}model: "
)


def write_seeing_model(folder: Path, **sizes: Mapping[str, Any] | int) -> None:
    """Write it into ``folder``; ``sizes`` are entries of its config that are larger than in a tiny one."""
    from transformers import Gemma3ImageProcessor, PreTrainedTokenizerFast

    words = tokenizer()
    plain = PreTrainedTokenizerFast(
        tokenizer_object=words,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        extra_special_tokens={
            "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>",
        },
    )  # fmt: skip
    count = words.get_vocab_size()
    changes: dict[str, Any] = {
        "image_token_index": words.token_to_id("<image_soft_token>"),
        "mm_tokens_per_image": 4,
        "eos_token_id": 1,
        "vocab_size": count,
        "text_config": {
            "vocab_size": count,
            "model_type": "gemma3_text",
            "sliding_window": 64,
            "mm_tokens_per_image": 4,
            "sliding_window_pattern": 2,
        },
        "vision_config": {"model_type": "siglip_vision_model", "image_size": PICTURE, "patch_size": 14},
    }
    for name, value in sizes.items():
        changes[name] = changes.get(name, {}) | value if isinstance(value, Mapping) else value
    tiny.write_checkpoint("gemma3", folder, changes, most=1_000_000_000)
    plain.chat_template = TEMPLATE
    plain.save_pretrained(folder)
    Gemma3ImageProcessor(size={"height": PICTURE, "width": PICTURE}).save_pretrained(folder)
    named = {"processor_class": "Gemma3Processor", "image_seq_length": 4}
    (folder / "processor_config.json").write_text(json.dumps(named))


def tokenizer() -> object:
    """A byte-level BPE of few words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=SPECIAL)
    made.train_from_iterator(["what is in the picture? a cat and a dog, the capital of France is Paris"], trainer)
    return made
