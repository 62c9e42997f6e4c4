"""Tokenizer files of many makers, put into a tiny checkpoint in place of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
TEXT = ("The capital of France is Paris.", "東京 und Привет, café: 0, 1, 23 and 2048 are numbers.", "Hi there")


def change(path: Path, *without: str, **fields: Any) -> None:
    """Set fields of a JSON object in a file, and leave others out."""
    content = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({key: value for key, value in content.items() if key not in without}))


def only_sentencepiece(folder: Path, normalization: str = "identity", **settings: Any) -> None:
    """A SentencePiece model in place of tokenizer.json."""
    import sentencepiece

    plain = normalization == "identity"
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(TEXT * 8), model_prefix=str(folder / "made"), vocab_size=320, model_type="bpe",
        byte_fallback=True, normalization_rule_name=normalization, remove_extra_whitespaces=not plain, pad_id=-1,
        user_defined_symbols=["<|turn|>"], hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / "made.model").rename(folder / "tokenizer.model")
    (folder / "made.vocab").unlink()
    (folder / "tokenizer.json").unlink()
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    template = "{% for m in messages %}[INST] {{ m['content'] }} [/INST]{% endfor %}"
    made = {"tokenizer_class": "LlamaTokenizer", **special, "chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(made | settings))


def only_vocabulary_and_merges(folder: Path) -> None:
    """vocab.json and merges.txt, as GPT-2 has them, in place of tokenizer.json."""
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    merges = [one if isinstance(one, str) else " ".join(one) for one in model["merges"]]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    (folder / "tokenizer.json").unlink()
    change(folder / "tokenizer_config.json", tokenizer_class="GPT2Tokenizer")
