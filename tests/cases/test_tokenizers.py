"""Tokenizer files that apps can't read, or that don't fit the model."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from cases.checkpoints import change_config, change_json, tensors_of, write_tensors
from cases.converting import Convert

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
TEXT = ["The capital of France is Paris.", "東京 und Привет, café: 0, 1, 23 and 2048 are numbers.", "Hi there"]


def test_sentencepiece_only(convert: Convert, llama: Path) -> None:
    _only_sentencepiece(llama)
    made = convert(llama)
    assert made.path is not None
    assert (made.path / "tokenizer.json").exists() or made.says("tokenizer.json")


def _only_sentencepiece(folder: Path) -> None:
    import sentencepiece

    (folder / "tokenizer.json").unlink()
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(TEXT * 8), model_prefix=str(folder / "tokenizer"), vocab_size=320, model_type="bpe",
        byte_fallback=True, normalization_rule_name="identity", pad_id=-1, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / "tokenizer.vocab").unlink()
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    template = "{% for m in messages %}[INST] {{ m['content'] }} [/INST]{% endfor %}"
    config = {"tokenizer_class": "LlamaTokenizer", **special, "chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def test_tiktoken_model_only(convert: Convert, llama: Path) -> None:
    (llama / "tokenizer.json").unlink()
    lines = [f"{base64.b64encode(bytes([byte])).decode()} {byte}\n" for byte in range(256)]
    (llama / "tiktoken.model").write_text("".join(lines))
    (llama / "tokenization_kimi.py").write_text("class TikTokenTokenizer: ...\n")
    code = {"AutoTokenizer": ["tokenization_kimi.TikTokenTokenizer", None]}
    config = {"tokenizer_class": "TikTokenTokenizer", "auto_map": code}
    (llama / "tokenizer_config.json").write_text(json.dumps(config))
    made = convert(llama)
    assert not made.says("has no tokenizer file")
    assert made.says("tiktoken.model|tokenization_kimi|its own code")


def test_token_ids_beyond_embedding(convert: Convert, llama: Path) -> None:
    rows = 250  # and the tokenizer has 259 words
    tensors = tensors_of(llama)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        tensor = tensors[name]
        tensors[name] = tensor._replace(shape=(rows, tensor.shape[1]), data=tensor.data[: 2 * rows * tensor.shape[1]])
    write_tensors(llama, tensors)
    change_config(llama, vocab_size=rows)
    assert convert(llama, "bf16").says("embedding|vocabulary|token ids")


def test_tokenizer_config_bom(convert: Convert, llama: Path) -> None:
    path = llama / "tokenizer_config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    made = convert(llama)
    assert made.says("tokenizer") or _reads_json(made.path, "tokenizer_config.json")


def _reads_json(folder: Path | None, name: str) -> bool:
    assert folder is not None
    return not (folder / name).read_bytes().startswith(b"\xef\xbb\xbf")


def test_tokenizer_lfs_pointer(convert: Convert, llama: Path) -> None:
    (llama / "tokenizer.json").write_text(POINTER)
    assert convert(llama).says("tokenizer")


def test_tokenizers_backend_class(convert: Convert, llama: Path) -> None:
    newer = {"extra_special_tokens": ["<|im_start|>", "<|im_end|>"], "is_local": True, "backend": "tokenizers"}
    change_json(llama / "tokenizer_config.json", tokenizer_class="TokenizersBackend", **newer)
    made = convert(llama)
    assert made.path is not None
    kept = json.loads((made.path / "tokenizer_config.json").read_text())["tokenizer_class"]
    assert kept != "TokenizersBackend" or made.says("TokenizersBackend")
