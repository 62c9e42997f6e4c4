"""Byte-level BPE (tokenizer.ggml.model 'gpt2'): GPT-2, Llama 3, Qwen 2, SmolLM, Mistral Nemo and their kin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import UnsupportedModel
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.origin import the_original
from mlx_convert_gguf.tokenizers.vocabulary import Kind, Vocabulary, damaged

_PADDING = re.compile(r"\[PAD\d+\]")  # stand-ins that converters put where the embedding is longer than the vocabulary
_CASELESS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = rf"{_CASELESS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}"
_QWEN2 = rf"{_CASELESS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_SPACES}"
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
    rf"|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"
)
# o200k, of GPT-4o, Llama 4 and gpt-oss: contractions stay with their word.
_GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CASELESS}?|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CASELESS}?"
    rf"|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"
)
_MARKS = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"""
_DEEPSEEK_3_WORDS = (
    rf"{_MARKS}[A-Za-z]+|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+| ?[\p{{P}}\p{{S}}]+[\r\n]*|{_SPACES}"
)


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _bytes(*, gpt2_words: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": gpt2_words}


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitter:
    """How a text is cut before merging: ``steps``, as tokenizer.json lists them.

    ``whole_words``: a piece that is a token counts as it is, without merging. ``add_bos`` is what llama.cpp
    takes when the file does not say.
    """

    steps: tuple[dict[str, Any], ...]
    normalizer: str | None = None
    whole_words: bool = False
    add_bos: bool = False


_DIGIT = {"type": "Digits", "individual_digits": True}
_WORDS, _AS_IS = _bytes(gpt2_words=True), _bytes(gpt2_words=False)
_DIGITS_THEN_WORDS = Splitter(steps=(_DIGIT, _WORDS))
_LLAMA_3 = Splitter(steps=(_split(_LLAMA3), _AS_IS), whole_words=True, add_bos=True)
_DEEPSEEK = (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", r"[一-龥ࠀ-一가-퟿]+")
_DEEPSEEK_3 = (r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+", _DEEPSEEK_3_WORDS)
_LLAMA_3_MERGED = Splitter(steps=(_split(_LLAMA3), _AS_IS))
_O200K = Splitter(steps=(_split(_GPT4O), _AS_IS))
_DEFAULT = (r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", r"[0-9][0-9][0-9]")
# tokenizer.ggml.pre -> the splitter of the models that it stands for, from their own tokenizer.json;
# 'default' is llama.cpp's own.
SPLITTERS = {
    "llama-bpe": _LLAMA_3,
    "llama3": _LLAMA_3,
    "llama-v3": _LLAMA_3,
    "falcon3": _LLAMA_3,
    "pixtral": _LLAMA_3,
    "lfm2": _LLAMA_3,
    "dbrx": _LLAMA_3_MERGED,
    "smaug-bpe": _LLAMA_3_MERGED,
    "chatglm-bpe": _LLAMA_3_MERGED,
    "glm4": _LLAMA_3_MERGED,
    "gpt-4o": _O200K,
    "llama4": _O200K,
    "smollm": _DIGITS_THEN_WORDS,
    "starcoder": _DIGITS_THEN_WORDS,
    "refact": _DIGITS_THEN_WORDS,
    "minerva-7b": _DIGITS_THEN_WORDS,
    "command-r": _DIGITS_THEN_WORDS,
    "exaone": _DIGITS_THEN_WORDS,
    "gpt-2": Splitter(steps=(_WORDS,)),
    "phi-2": Splitter(steps=(_WORDS,)),
    "olmo": Splitter(steps=(_WORDS,)),
    "mpt": Splitter(steps=(_WORDS,)),
    "mellum": Splitter(steps=(_WORDS,)),
    "qwen2": Splitter(steps=(_split(_QWEN2), _AS_IS), normalizer="NFC"),
    "stablelm2": Splitter(steps=(_split(_QWEN2), _AS_IS)),
    "tekken": Splitter(steps=(_split(_TEKKEN), _AS_IS), whole_words=True, add_bos=True),
    "deepseek-coder": Splitter(steps=(*map(_split, _DEEPSEEK), _DIGIT, _AS_IS)),
    "deepseek-v3": Splitter(steps=(*map(_split, _DEEPSEEK_3), _AS_IS)),
    "default": Splitter(steps=(*map(_split, _DEFAULT), _AS_IS)),
}


def byte_level(fields: Fields) -> tuple[Vocabulary, dict[str, Any]]:
    """The vocabulary and tokenizer.json; raises UnsupportedModel (``gguf_tokenizer``) for an unknown splitter."""
    splitter = _splitter(fields)
    vocabulary = Vocabulary.of(fields, add_bos=splitter.add_bos)
    return vocabulary, {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": vocabulary.added_tokens(),
        "normalizer": {"type": splitter.normalizer} if splitter.normalizer else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": list(splitter.steps)},
        "post_processor": vocabulary.frame(),
        "decoder": _WORDS,
        "model": _model(fields, vocabulary, splitter),
    }


def _splitter(fields: Fields) -> Splitter:
    name = fields.text("tokenizer.ggml.pre", "")
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
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
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
