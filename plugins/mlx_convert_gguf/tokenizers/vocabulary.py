"""The tokens of a GGUF file: texts, kinds, and the ids with a meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from mlx_convert_core.plugin import CorruptCheckpoint
from mlx_convert_gguf.fields import Fields

# Tokens that end a turn, by their text, as llama.cpp knows them too; many files name only one end.
_ENDS = ("<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>")


# gpt-oss ends a part of an answer with <|end|>, and the whole with one of these.
_WHOLE_ENDS = ("<|return|>", "<|call|>")


class Kind(IntEnum):
    """What a token is, as tokenizer.ggml.token_type says."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """All tokens, in the order of their ids; ``add_bos`` and ``add_eos`` frame every text."""

    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    bos: int | None
    eos: int | None
    unk: int | None
    pad: int | None
    ends: tuple[int, ...]
    add_bos: bool
    add_eos: bool

    @classmethod
    def of(cls, fields: Fields, *, add_bos: bool) -> Vocabulary:
        """Read it; ``add_bos`` is what counts when the file does not say. Raises CorruptCheckpoint."""
        tokens = fields.texts("tokenizer.ggml.tokens")
        kinds = fields.integers("tokenizer.ggml.token_type") or [Kind.NORMAL] * len(tokens)
        if not tokens or len(kinds) != len(tokens):
            raise damaged(fields, f"it has {len(tokens)} tokens and {len(kinds)} kinds of them")
        if len(set(tokens)) != len(tokens):
            twice = next(token for token, times in Counter(tokens).items() if times > 1)
            raise damaged(fields, f"the token {twice[:40]!r} is there twice")
        ids = {name: _id(fields, name, len(tokens)) for name in ("bos", "eos", "eot", "eom", "unknown", "padding")}
        named = [ids["eos"], ids["eot"], ids["eom"]]
        ends = _WHOLE_ENDS if set(_WHOLE_ENDS) <= set(tokens) else _ENDS
        known = [number for number, token in enumerate(tokens) if token in ends and kinds[number] == Kind.CONTROL]
        bos, eos = ids["bos"], ids["eos"]
        return cls(
            tokens=tuple(tokens),
            kinds=tuple(kinds),
            bos=bos,
            eos=eos,
            unk=ids["unknown"],
            pad=ids["padding"],
            ends=tuple(dict.fromkeys(number for number in (*named, *known) if number is not None)),
            add_bos=bos is not None and fields.flag("tokenizer.ggml.add_bos_token", add_bos),
            add_eos=eos is not None and fields.flag("tokenizer.ggml.add_eos_token", False),
        )

    @property
    def ids(self) -> dict[str, int]:
        """Token to id."""
        return {token: number for number, token in enumerate(self.tokens)}

    def text(self, number: int | None) -> str | None:
        """The token with this id."""
        return None if number is None else self.tokens[number]

    def added_tokens(self) -> list[dict[str, Any]]:
        """The tokens that are found in a text before anything else, as tokenizer.json lists them."""
        return [
            {
                "id": number,
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": kind != Kind.USER_DEFINED,
            }
            for number, token, kind in self._entries()
            if token and kind in (Kind.CONTROL, Kind.USER_DEFINED, Kind.UNKNOWN)
        ]

    def frame(self) -> dict[str, Any] | None:
        """The post-processor that puts bos and eos around a text, None when neither is wanted."""
        if not (self.add_bos or self.add_eos):
            return None
        bos, eos = (self.text(self.bos) or "", self.bos), (self.text(self.eos) or "", self.eos)
        single = [_special(*bos)] * self.add_bos + [_sequence("A")] + [_special(*eos)] * self.add_eos
        used = [token for token, wanted in ((bos, self.add_bos), (eos, self.add_eos)) if wanted]
        return {
            "type": "TemplateProcessing",
            "single": single,
            "pair": [*single, *(_with_type(item, 1, "B") for item in single)],
            "special_tokens": {text: {"id": text, "ids": [number], "tokens": [text]} for text, number in used},
        }

    def _entries(self) -> Iterator[tuple[int, str, int]]:
        for number, (token, kind) in enumerate(zip(self.tokens, self.kinds, strict=True)):
            yield number, token, kind


def damaged(fields: Fields, problem: str) -> CorruptCheckpoint:
    """The error for a tokenizer that can't be right."""
    return CorruptCheckpoint(
        f"{fields.name} has a damaged tokenizer: {problem}.",
        hint="Take another GGUF file of the model, or convert its original checkpoint.",
        code="gguf_tokenizer",
    )


def _id(fields: Fields, name: str, count: int) -> int | None:
    key = f"tokenizer.ggml.{name}_token_id"
    if key not in fields:
        return None
    number = fields.integer(key)
    return number if 0 <= number < count else None


def _special(text: str, number: int | None) -> dict[str, Any]:
    return {"SpecialToken": {"id": text, "type_id": 0}}


def _sequence(name: str) -> dict[str, Any]:
    return {"Sequence": {"id": name, "type_id": 0}}


def _with_type(item: dict[str, Any], kind: int, sequence: str) -> dict[str, Any]:
    [(key, value)] = item.items()
    return {key: {"id": sequence if key == "Sequence" else value["id"], "type_id": kind}}
