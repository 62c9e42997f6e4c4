"""SentencePiece-like BPE (tokenizer.ggml.model 'llama'): Llama 1 and 2, Mistral, TinyLlama and their kin.

The file has a score for each piece and no merges. SentencePiece joins the pair whose result has the best
score, so every pair of pieces that makes a third one becomes a merge, ranked by that one's score.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from mlx_convert_core.plugin import UnsupportedModel
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.origin import the_original
from mlx_convert_gguf.tokenizers.vocabulary import Kind, Vocabulary, damaged

SPACE = "▁"
MAX_CUTS = 1_000_000_000  # characters of all beginnings and ends of all tokens; 256,000 tokens have some 20 million


def pieces(fields: Fields) -> tuple[Vocabulary, dict[str, Any]]:
    """The vocabulary and tokenizer.json. Raises UnsupportedModel (``gguf_tokenizer``) for one that cleans its text."""
    if fields.flag("tokenizer.ggml.remove_extra_whitespaces", False):
        raise UnsupportedModel(
            f"{fields.name} has a tokenizer that cleans spaces away, which is not known here.",
            hint=the_original(fields),
            code="gguf_tokenizer",
        )
    vocabulary = Vocabulary.of(fields, add_bos=True)
    if sum(len(token) ** 2 for token in vocabulary.tokens) > MAX_CUTS:
        raise damaged(fields, f"its tokens are too long, up to {max(map(len, vocabulary.tokens)):,} characters")
    scores = fields.numbers("tokenizer.ggml.scores")
    if len(scores) != len(vocabulary.tokens):
        raise damaged(fields, f"it has {len(vocabulary.tokens)} tokens and {len(scores)} scores")
    if "tokenizer.ggml.token_type" not in fields:
        raise damaged(fields, "it does not say which of its tokens stand for bytes")
    prefix = fields.flag("tokenizer.ggml.add_space_prefix", True)
    return vocabulary, {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": vocabulary.added_tokens(),
        "normalizer": marked(prefix=prefix),
        "pre_tokenizer": None,
        "post_processor": vocabulary.frame(),
        "decoder": unmarked(prefix=prefix),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": unknown_token(vocabulary),
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": vocabulary.kinds.count(Kind.BYTE) == 256,
            "ignore_merges": False,
            "vocab": vocabulary.ids,
            "merges": merges(vocabulary, scores),
        },
    }


def merges(vocabulary: Vocabulary, scores: Sequence[float]) -> Iterator[tuple[str, str]]:
    """Every way to make a piece out of two others, the best score first; among equal ones by their numbers.

    A vocabulary of 262,000 tokens has 515,000 of them: they are numbers in arrays until they are written.
    """
    import numpy as np

    ids = {
        token: number
        for number, (token, kind) in enumerate(zip(vocabulary.tokens, vocabulary.kinds, strict=True))
        if kind == Kind.NORMAL
    }
    rank, lefts, rights = array("d"), array("i"), array("i")
    for token, number in ids.items():
        for cut in range(1, len(token)):
            left = ids.get(token[:cut])
            right = ids.get(token[cut:]) if left is not None else None
            if left is not None and right is not None:
                rank.append(-scores[number])
                lefts.append(left)
                rights.append(right)
    tokens = vocabulary.tokens
    del ids
    for index in np.lexsort((rights, lefts, rank)):
        yield tokens[lefts[index]], tokens[rights[index]]


def unknown_token(vocabulary: Vocabulary) -> str | None:
    """What stands for a text that no token has."""
    if vocabulary.unk is not None:
        return vocabulary.text(vocabulary.unk)
    unknown = [token for token, kind in zip(vocabulary.tokens, vocabulary.kinds, strict=True) if kind == Kind.UNKNOWN]
    return unknown[0] if unknown else None


def marked(*, prefix: bool) -> dict[str, Any]:
    """The normalizer that puts ▁ for each space; with ``prefix`` for one more before the text."""
    escape = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    steps = [{"type": "Prepend", "prepend": SPACE}] if prefix else []
    return {"type": "Sequence", "normalizers": [*steps, escape]}


def unmarked(*, prefix: bool) -> dict[str, Any]:
    """The decoder that undoes `marked`, and makes bytes of tokens that stand for them."""
    steps: list[dict[str, Any]] = [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
    ]
    if prefix:
        steps.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return {"type": "Sequence", "decoders": steps}
