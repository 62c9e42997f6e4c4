"""BPE with merges (tokenizer.ggml.model 'gpt2'): GPT-2, Llama 3, Qwen 2, SmolLM, Mistral Nemo and their kin.

Nearly all are of bytes; Gemma 4's and Sarvam's are of texts, as SentencePiece's.
"""

from __future__ import annotations

import re
from typing import Any

from mlx_convert_core.plugin import UnsupportedModel
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.origin import the_original
from mlx_convert_gguf.tokenizers.sentencepiece import marked, unknown_token, unmarked
from mlx_convert_gguf.tokenizers.splitters import SPLITTERS, WORDS, Splitter
from mlx_convert_gguf.tokenizers.vocabulary import Kind, Vocabulary, damaged

_PADDING = re.compile(r"\[PAD\d+\]")  # stand-ins that converters put where the embedding is longer than the vocabulary


def byte_level(fields: Fields) -> tuple[Vocabulary, dict[str, Any]]:
    """The vocabulary and tokenizer.json; raises UnsupportedModel (``gguf_tokenizer``) for an unknown splitter."""
    splitter = _splitter(fields)
    vocabulary = Vocabulary.of(fields, add_bos=splitter.add_bos)
    return vocabulary, {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": vocabulary.added_tokens(),
        "normalizer": marked(prefix=False) if splitter.raw else splitter.normalizer,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": list(splitter.steps)},
        "post_processor": vocabulary.frame(),
        "decoder": unmarked(prefix=False) if splitter.raw else WORDS,
        "model": _model(fields, vocabulary, splitter),
    }


def _splitter(fields: Fields) -> Splitter:
    named = fields.text("tokenizer.ggml.model", "") == "gemma4"
    name = "gemma4" if named else fields.text("tokenizer.ggml.pre", "")
    if name in SPLITTERS:
        return SPLITTERS[name]
    raise UnsupportedModel(
        f"{fields.name} says that its text is split by '{name}', and that is not known here."
        if name
        else f"{fields.name} does not say how its text is split into words (tokenizer.ggml.pre is missing).",
        hint="Take a newer GGUF file of the model, or convert its original checkpoint: give its repo id."
        if not name
        else the_original(fields),
        code="gguf_tokenizer",
    )


def _model(fields: Fields, vocabulary: Vocabulary, splitter: Splitter) -> dict[str, Any]:
    merges = fields.texts("tokenizer.ggml.merges")
    if not merges:
        raise damaged(fields, "it has no merges")
    ids = {
        token: number
        for number, (token, kind) in enumerate(zip(vocabulary.tokens, vocabulary.kinds, strict=True))
        if not (kind == Kind.UNUSED and _PADDING.fullmatch(token))
    }
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": unknown_token(vocabulary) if splitter.raw else None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": splitter.raw,
        "byte_fallback": splitter.raw and vocabulary.kinds.count(Kind.BYTE) == 256,
        "ignore_merges": splitter.whole_words,
        "vocab": ids,
        "merges": (_pair(fields, merge, ids) for merge in merges),
    }


def _pair(fields: Fields, merge: str, ids: dict[str, int]) -> tuple[str, str]:
    """Both halves of a merge; a half may begin with the space that separates them."""
    cut = merge.find(" ", 1)
    left, right = merge[:cut], merge[cut + 1 :]
    if cut < 0 or left not in ids or right not in ids or left + right not in ids:
        raise damaged(fields, f"the merge {merge[:40]!r} is of tokens that it does not have")
    return left, right
