"""Whether a tokenizer.json reads text as the SentencePiece model does that it was made from.

SentencePiece itself is the reference: transformers 5 has no slow tokenizers any more, and those of version 4 asked it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# Scripts with and without spaces, combining marks, joined emoji, runs of spaces and digits, line ends, tabs, and forms
# that Unicode normalization changes.
LINES = (
    "The capital of France is Paris, isn't it?",
    "naïve café, Ångström, straße, e\u0301galite\u0301, ﬁne ½ ²",
    "Привет, мир! Γειά σου Κόσμε.",
    "مرحبا بالعالم · שלום עולם",
    "नमस्ते दुनिया · สวัสดีชาวโลก",
    "東京は日本の首都です。 北京是中国的首都。 서울은 한국의 수도이다.",
    "👩‍👩‍👧 🇫🇷 👍🏽 ok",
    "0 1 23 2048 3.14159 1,000,000",
    "def add(left, right):\n    return left + right\n\n\tdone\r\n",
    "  two  spaces   and more  ",
    "ＡＢＣ １２３ ① ℌ",
)
SPECIAL = 64  # added tokens that are tried, each inside a text
BEFORE, AFTER = "Hello", "world, 東京"


def differences(tokenizer: Any, model: Path) -> Iterator[str]:
    """Texts that ``tokenizer``, of the tokenizers library, reads otherwise than the SentencePiece file ``model``.

    An added or special token inside a text has to be that one token; whether a space is thought before what follows,
    transformers decides, and changed its mind: that part is compared by what it stands for.
    """
    import sentencepiece

    reference = sentencepiece.SentencePieceProcessor(model_file=str(model))
    for line in LINES:
        if _ids(tokenizer, line) != reference.encode(line):
            yield line
    for number, token in _added(tokenizer):
        ids = _ids(tokenizer, f"{BEFORE}{token}{AFTER}")
        start = [*reference.encode(BEFORE), number]
        rest = [piece for piece in ids[len(start) :] if piece < reference.get_piece_size()]
        after = reference.decode(rest).strip()
        if ids[: len(start)] != start or after != reference.decode(reference.encode(AFTER)).strip():
            yield f"{BEFORE}{token}{AFTER}"


def as_sentencepiece(tokenizer: Any, model: Path) -> Any:
    """``tokenizer`` with the normalization that ``model`` was trained with, and a space thought before every text.

    transformers 5 leaves out the first, and the second where a text begins with a space. As tokenizers of version 4 did
    it, the space is thought after added tokens, too: not for a model whose settings say ``"legacy": false``.
    """
    from tokenizers import Regex, normalizers

    settings = _proto(model).normalizer_spec
    steps: list[Any] = []
    if settings.precompiled_charsmap:
        steps.append(normalizers.Precompiled(settings.precompiled_charsmap))
    if settings.remove_extra_whitespaces:
        steps += [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    if settings.add_dummy_prefix:
        steps.append(normalizers.Prepend("▁"))
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = None
    return tokenizer


def _proto(model: Path) -> Any:
    from transformers.convert_slow_tokenizer import import_protobuf  # which of its copies fits the installed protobuf

    found = import_protobuf().ModelProto()
    found.ParseFromString(model.read_bytes())
    return found


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def _added(tokenizer: Any) -> Iterable[tuple[int, str]]:
    """Added tokens that any text may hold: their ids and texts, the first `SPECIAL` of them."""
    found = tokenizer.get_added_tokens_decoder()
    plain = [(number, token.content) for number, token in sorted(found.items()) if not token.single_word]
    return plain[:SPECIAL]
