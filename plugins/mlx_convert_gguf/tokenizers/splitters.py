"""How texts are cut into pieces before tokens are merged, by the names that GGUF files have for it.

The expressions are those of the models' own tokenizers, where they are known, and else of llama.cpp's `llama-vocab.cpp`
(https://github.com/ggml-org/llama.cpp), whose list of names this is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# Parts of expressions.
_CASELESS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_ENDS, _RUNS = r"\s*[\r\n]+", r"\s+(?!\S)|\s+"
_SPACES = rf"{_ENDS}|{_RUNS}"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_WORD, _SIGNS = r"[^\r\n\p{L}\p{N}]?\p{L}+", r" ?[^\s\p{L}\p{N}]+"
_MARKS = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"""


def _cased(end: str = "", but: str = "") -> str:
    """Words that begin a new one with a capital, with what may follow them, without letters that are ``but``."""
    upper, lower = (f"{letters[:-1]}{but}]" for letters in (_UPPER, _LOWER))
    before = r"[^\r\n\p{L}\p{N}]?"
    return f"{before}{upper}*{lower}+{end}|{before}{upper}+{lower}*{end}"


_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = rf"{_CASELESS}|{_WORD}|\p{{N}}{{1,3}}|{_SIGNS}[\r\n]*|{_SPACES}"
_QWEN2 = rf"{_CASELESS}|{_WORD}|\p{{N}}|{_SIGNS}[\r\n]*|{_SPACES}"
_QWEN35 = rf"{_CASELESS}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_SPACES}"
_TEKKEN = rf"{_cased()}|\p{{N}}|{_SIGNS}[\r\n/]*|{_SPACES}"
# o200k, of GPT-4o, Llama 4 and gpt-oss: contractions stay with their word.
_GPT4O = rf"{_cased(f'{_CASELESS}?')}|\p{{N}}{{1,3}}|{_SIGNS}[\r\n/]*|{_SPACES}"
_NO_HAN = _cased(f"{_CASELESS}?", but=r"&&[^\p{Han}]")
_KIMI = rf"[\p{{Han}}]+|{_NO_HAN}|\p{{N}}{{1,3}}|{_SIGNS}[\r\n]*|{_SPACES}"
# Spaces in runs of powers of two.
_JAIS2_SPACES = "|".join(rf"\s{{{count}}}(?!\S)" for count in (512, 256, 128, 64, 32, 16, 8, 4, "1,2"))
_JAIS2 = rf"{_CASELESS}|{_WORD}|\p{{N}}{{1,3}}|{_SIGNS}[\r\n]*|{_ENDS}|{_JAIS2_SPACES}|\s"
_BAILING = (
    rf"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{{L}}\p{{N}}]?+\p{{L}}+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]++[\r\n]*|\s*[\r\n]|{_RUNS}"
)
_SEED = rf"{_CASELESS}|{_WORD}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|{_SPACES}"
_EXAONE_MOE = (
    rf"{_CASELESS}|[^\r\n\p{{L}}\p{{N}}]?(?:\p{{L}}\p{{M}}*(?: \p{{L}}\p{{M}}*)*)+|\p{{N}}|{_SIGNS}[\r\n/]?"
    rf"|\s*[\r\n]|{_RUNS}"
)
_BLOOM = r" ?[^(\s|.,!?…。，、।۔،)]+"
# A long number is cut from behind: 1|234|567.
_THREES = r"\p{N}{1,2}(?=(?:\p{N}{3})*(?!\p{N}))|\p{N}{3}"
_LATIN = (
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝ"
    "\u1f5f-\u1f7dᾀ-ᾴᾶ-ᾼ\u1fbeῂ-ῄῆ-ῌ\u1fd0-\u1fd3\u1fd6-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿ"
    "ﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
)
_EAST = r"[一-龥ࠀ-一가-퟿]+"
_DEEPSEEK_LLM = (
    r"[\r\n]", rf"\s?[{_LATIN}]+", "\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+", r"\s+$", _EAST, r"\p{N}+"
)  # fmt: skip
_DEEPSEEK_CODER = (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _EAST)
_KANA = r"[一-龥぀-ゟ゠-ヿ]+"
_DEEPSEEK_WORDS = rf"{_MARKS}[A-Za-z]+|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+| ?[\p{{P}}\p{{S}}]+"
_DEEPSEEK_3_WORDS = rf"{_DEEPSEEK_WORDS}[\r\n]*|{_SPACES}"
_DEEPSEEK_3 = (r"\p{N}{1,3}", _KANA, _DEEPSEEK_3_WORDS)
_SPARK = (r"\p{N}{1,3}", _KANA, rf"{_DEEPSEEK_WORDS}|[\r\n]|{_RUNS}", r"\p{N}")
_YOUTU = (
    r"[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+",
    rf"{_cased(f'{_CASELESS}?')}|\p{{N}}|{_SIGNS}[\r\n/]*|{_SPACES}",
)
_AFMOE = (
    _THREES,
    "[一-鿿㐀-䶿\uf900-\ufaff぀-ゟ゠-ヿ･-ﾟ⼀-⿟เ-๿຀-໿ក-៿က-႟ꩠ-ꩿꧠ-꧿가-\ud7afᄀ-ᇿ]+",
    _DEEPSEEK_3_WORDS,
)
_CHAMELEON = (
    "<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", r"([\t\n]|    |  )", r"\p{N}",
    r"[\p{P}!-/:-@\[-`{-~]", _GPT2,
)  # fmt: skip
_DEFAULT = (r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", r"[0-9][0-9][0-9]")
_FALCON = (r"[\p{P}\$\+<=>\^~\|`]+", _GPT2, r"[0-9][0-9][0-9]")
_MINICPM = (r"\p{N}{1,3}", rf"{_CASELESS}|{_WORD}|\p{{N}}+|{_SIGNS}[\r\n]*|{_SPACES}")
_LINES = r"[^\n]+|[\n]+"


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _bytes(*, gpt2_words: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": gpt2_words}


WORDS = _bytes(gpt2_words=True)
_AS_IS = _bytes(gpt2_words=False)
_DIGIT = {"type": "Digits", "individual_digits": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitter:
    """How a text is cut before merging: ``steps``, as tokenizer.json lists them.

    ``whole_words``: a piece that is a token counts as it is, without merging. ``add_bos`` is what llama.cpp
    takes when the file does not say. ``raw``: tokens are texts with ▁ for a space, not bytes in letters.
    """

    steps: tuple[dict[str, Any], ...]
    normalizer: dict[str, Any] | None = None
    whole_words: bool = False
    add_bos: bool = False
    raw: bool = False


def _by(*patterns: str, **more: Any) -> Splitter:
    return Splitter(steps=(*map(_split, patterns), _AS_IS), **more)


def _rows() -> Iterator[tuple[str, Splitter]]:
    """Each splitter with the names that stand for it."""
    yield (
        "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
        _by(_LLAMA3, whole_words=True, add_bos=True),
    )
    yield "dbrx smaug-bpe chatglm-bpe glm4", _by(_LLAMA3)
    yield "jais-2", _by(_JAIS2)
    yield "minicpm5", _by(*_MINICPM, whole_words=True)
    yield "gpt-4o llama4 kanana2 talkie minimax-m2", _by(_GPT4O)
    yield "granite-embed-multi-97m", _by(_GPT4O, whole_words=True)
    yield "tiny_aya cohere2moe", _by(r"\d{1,3}(?=(?:\d{3})*\b)", _GPT4O)
    yield "smollm starcoder refact minerva-7b command-r exaone codeshell mellum2", Splitter(steps=(_DIGIT, WORDS))
    yield (
        (
            "gpt-2 phi-2 olmo mpt mellum jais trillion granite-docling exaone4 gigachat a.x-4.0 modern-bert roberta-bpe"
            " jina-es jina-de jina-v1-en jina-v2-es jina-v2-de jina-v2-code"
        ),
        Splitter(steps=(WORDS,)),
    )
    yield "qwen2", _by(_QWEN2, normalizer={"type": "NFC"})
    yield "qwen35", _by(_QWEN35, normalizer={"type": "NFC"})
    yield "stablelm2 deepseek-r1-qwen kormo f2llmv2 megrez hunyuan solar-open grok-2", _by(_QWEN2)
    yield "ufakzeka", _by(_QWEN2.removeprefix(f"{_CASELESS}|"))
    yield "laguna", _by(_LINES, _QWEN2)
    yield "tekken", _by(_TEKKEN, whole_words=True, add_bos=True)
    yield "deepseek-llm", _by(*_DEEPSEEK_LLM)
    yield "deepseek-coder", Splitter(steps=(*map(_split, _DEEPSEEK_CODER), _DIGIT, _AS_IS))
    yield "deepseek-v3 hunyuan-dense joyai-llm hy_v4", _by(*_DEEPSEEK_3)
    yield "spark2_5", _by(*_SPARK)
    yield "youtu", _by(*_YOUTU, whole_words=True)
    yield "afmoe", _by(*_AFMOE)
    # Its own tokenizer looks a piece up before it merges.
    yield "kimi-k2", _by(_KIMI, whole_words=True)
    yield "bailingmoe bailingmoe2 llada-moe", _by(_BAILING)
    yield "seed-coder", _by(_SEED)
    yield "exaone-moe", _by(_EXAONE_MOE)
    yield "superbpe", _by(r"\p{N}+", r"(?=(\d{3})+(?!\d))")
    yield "bloom poro-chat gpt3-finnish", _by(_BLOOM)
    yield "viking", _by(_BLOOM, r"\p{N}")
    yield "falcon", _by(*_FALCON)
    yield "chameleon", _by(*_CHAMELEON, add_bos=True)
    yield "default", _by(*_DEFAULT)
    yield "gemma4 granite-embed-multi-311m", Splitter(steps=(_split(_LINES),), raw=True, whole_words=True, add_bos=True)
    yield "sarvam-moe", Splitter(steps=(_split(_LINES),), raw=True)


# tokenizer.ggml.pre -> its splitter.
SPLITTERS = {name: splitter for names, splitter in _rows() for name in names.split()}
