"""The tokenizer, its settings, the chat template and the generation settings, as a checkpoint's files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import islice
from typing import Any

from mlx_convert_core.plugin import UnsupportedModel, file_names
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.origin import the_original
from mlx_convert_gguf.tokenizers.byte_level import byte_level
from mlx_convert_gguf.tokenizers.sentencepiece import pieces
from mlx_convert_gguf.tokenizers.vocabulary import Vocabulary

_TEMPLATE = "tokenizer.chat_template"
_NO_TOKENS, _NO_MERGES = '"vocab": {}', '"merges": []'  # in a token their quotes would be escaped
AT_ONCE = 4096
_KINDS = {"gpt2": byte_level, "gemma4": byte_level, "llama": pieces}


def tokenizer_of(fields: Fields) -> tuple[Vocabulary, dict[str, Any]]:
    """The vocabulary and tokenizer.json; raises UnsupportedModel (``gguf_tokenizer``) for a kind that is not known."""
    kind = fields.text("tokenizer.ggml.model", "")
    if kind in _KINDS:
        return _KINDS[kind](fields)
    raise UnsupportedModel(
        f"{fields.name} has a tokenizer of the kind '{kind}', and only {', '.join(_KINDS)} are known here."
        if kind
        else f"{fields.name} holds no tokenizer.",
        hint=the_original(fields),
        code="gguf_tokenizer",
    )


def text_files(fields: Fields, vocabulary: Vocabulary, tokenizer: dict[str, Any]) -> dict[str, bytes]:
    """The checkpoint's files about text, by name."""
    files = {
        file_names.TOKENIZER: _tokenizer_json(tokenizer),
        file_names.TOKENIZER_CONFIG: _json(_settings(fields, vocabulary)),
        file_names.GENERATION_CONFIG: _json(special_ids(vocabulary)),
    }
    template = fields.text(_TEMPLATE, "")
    if not template or fields.keys(f"{_TEMPLATE}."):  # beside a file, transformers ignores the other templates
        return files
    return files | {file_names.CHAT_TEMPLATE: template.encode()}


def _tokenizer_json(tokenizer: dict[str, Any]) -> bytes:
    """tokenizer.json, its tokens and merges some at a time: as objects they take ten times their bytes.

    It is not indented, for that takes four times as long.
    """
    model = tokenizer["model"]
    shell = json.dumps(tokenizer | {"model": model | {"vocab": {}, "merges": []}}, ensure_ascii=False)
    before, _, rest = shell.rpartition(_NO_TOKENS)
    between, _, after = rest.rpartition(_NO_MERGES)
    text = BytesIO()

    def write(part: str) -> None:
        text.write(part.encode())

    write(f"{before}{_NO_TOKENS[:-1]}")
    for separator, tokens in _some(model["vocab"].items()):
        write(separator + json.dumps(dict(tokens), ensure_ascii=False)[1:-1])
    write(f"}}{between}{_NO_MERGES[:-1]}")
    for separator, merges in _some(model["merges"]):
        write(separator + json.dumps(merges, ensure_ascii=False)[1:-1])
    write(f"]{after}")
    return text.getvalue()


def _some(items: Iterable[Any]) -> Iterator[tuple[str, list[Any]]]:
    """``items`` in parts, each with what separates it from the one before."""
    rest, separator = iter(items), ""
    while some := list(islice(rest, AT_ONCE)):
        yield separator, some
        separator = ", "


def special_ids(vocabulary: Vocabulary) -> dict[str, Any]:
    """The ids that begin, end and fill a text; several ends are a list."""
    ends: Any = list(vocabulary.ends) if len(vocabulary.ends) > 1 else next(iter(vocabulary.ends), None)
    ids = {"bos_token_id": vocabulary.bos, "eos_token_id": ends, "pad_token_id": vocabulary.pad}
    return {name: number for name, number in ids.items() if number is not None}


def _settings(fields: Fields, vocabulary: Vocabulary) -> dict[str, Any]:
    """tokenizer_config.json. The class is the one that takes tokenizer.json as it is, in every reader."""
    tokens = {
        "bos_token": vocabulary.text(vocabulary.bos),
        "eos_token": vocabulary.text(vocabulary.eos),
        "pad_token": vocabulary.text(vocabulary.pad),
        "unk_token": vocabulary.text(vocabulary.unk),
    }
    named = {key.removeprefix(f"{_TEMPLATE}."): fields.text(key) for key in fields.keys(f"{_TEMPLATE}.")}
    template: Any = fields.text(_TEMPLATE, "")
    if named:
        every = ({"default": template} if template else {}) | named
        template = [{"name": name, "template": text} for name, text in every.items()]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": fields.integer(f"{fields.text('general.architecture')}.context_length"),
        "clean_up_tokenization_spaces": False,
        **({"chat_template": template} if template else {}),
        **{name: token for name, token in tokens.items() if token is not None},
    }


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
