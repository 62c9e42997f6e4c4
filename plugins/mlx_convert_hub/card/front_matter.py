"""The metadata block at the top of a model card: a fixed set of fields, every value checked and quoted.

What a source's card says is somebody else's text. A value that is not of the form that its field has is left out.
Fields: https://huggingface.co/docs/hub/model-cards#model-card-metadata
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlx_convert_hub.fetch.references import is_model_id
from mlx_convert_hub.trouble.seen import one_line

FENCE = "---"
MAX_TAGS = 20
_NO_FIELD = "\n"  # where a field's name is: no name is so
_TASK = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LICENSE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LINK = re.compile(r"https?://[^\s<>\"'`\\^{}|]{3,300}|[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,47}")
# Tags about the source's own files and libraries, which are not those of the result.
_FOREIGN_TAGS = {
    "mlx", "gguf", "ggml", "llama.cpp", "onnx", "safetensors", "pytorch", "transformers", "tensorflow", "jax",
    "awq", "gptq", "exl2", "fp8", "quantized", "compressed-tensors", "vllm", "text-generation-inference",
    "endpoints_compatible", "autotrain_compatible", "trl", "unsloth", "lora", "peft",
}  # fmt: skip

# Words of tags about what a text-only result has lost.
_SENSES = {
    "image", "vision", "visual", "video", "audio", "speech", "sound", "multimodal", "modal", "omni", "any", "vlm",
    "mllm", "ocr", "asr",
}  # fmt: skip
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")  # not at form feeds and the like, as splitlines does

Value = str | list[str]


def card_fields(source: Mapping[str, Any], *, base_model: str | None, quantized: bool) -> dict[str, Value]:
    """The fields of a converted model's card, from the ``source``'s card and where it came from."""
    fields: dict[str, Value] = {"library_name": "mlx"}
    fields["pipeline_tag"] = _matching(_TASK, source.get("pipeline_tag")) or "text-generation"
    fields["tags"] = ["mlx", *_tags(source.get("tags"))]
    if base_model and is_model_id(base_model):
        fields["base_model"] = base_model
        if quantized:
            fields["base_model_relation"] = "quantized"
    fields |= {
        name: value
        for name, pattern in (("license", _LICENSE), ("license_name", _LICENSE), ("license_link", _LINK))
        if (value := _matching(pattern, source.get(name)))
    }
    languages = [text for item in _listed(source.get("language")) if (text := _matching(_LANGUAGE, item))]
    if languages:
        fields["language"] = languages
    return fields


def text_fields(source: Mapping[str, Any]) -> dict[str, Any]:
    """The ``source``'s card for a model that has kept nothing but its text: no other task, no tag about the rest."""
    tags = [
        tag for tag in _listed(source.get("tags")) if not _SENSES.intersection(re.split(r"\W+|_", str(tag).lower()))
    ]
    return {**source, "pipeline_tag": "text-generation", "tags": tags}


def front_matter(fields: Mapping[str, Value]) -> str:
    """``fields`` as a block of YAML between fences, every string quoted."""
    lines = [FENCE]
    for name, value in fields.items():
        if isinstance(value, list):
            lines += [f"{name}:", *(f"- {quoted(item)}" for item in value)]
        else:
            lines.append(f"{name}: {quoted(value)}")
    return "\n".join([*lines, FENCE]) + "\n"


def quoted(text: str) -> str:
    """``text`` as a YAML string in double quotes (a JSON string is one), without control characters."""
    return json.dumps(one_line(text), ensure_ascii=False)


def split_card(text: str) -> tuple[list[str], str]:
    """A card as the lines between its fences and the body below; no lines when there is no such block."""
    lines = _LINES.findall(text)
    if not lines or lines[0].strip() != FENCE:
        return [], text
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() == FENCE:
            return [line.rstrip("\r\n") for line in lines[1:number]], "".join(lines[number + 1 :])
    return [], text


def without_fields(lines: Iterable[str], names: Iterable[str]) -> list[str]:
    """The lines of a block without the fields ``names``, each with what is indented or listed below it.

    What stands before the first field belongs to none and goes too, except comments: these always stay.
    """
    dropped = {*names, _NO_FIELD}
    return [line for field, line in _with_fields(lines) if field not in dropped]


def field_lines(lines: Iterable[str], name: str) -> list[str]:
    """The lines of the field ``name`` of a block, what is indented or listed below it included: those that
    `without_fields` leaves out."""
    return [line for field, line in _with_fields(lines) if field == name]


def _with_fields(lines: Iterable[str]) -> Iterator[tuple[str | None, str]]:
    """Each line with the field that it belongs to: `_NO_FIELD` before the first one, None from a comment on."""
    field: str | None = _NO_FIELD
    for line in lines:
        if line[:1] == "#":
            field = None
        elif line.strip() and not line[0].isspace() and line[0] != "-":
            field = line.partition(":")[0].strip().strip("'\"")
        yield field, line


def _tags(value: Any) -> list[str]:
    found = [text for item in _listed(value) if (text := _matching(TAG, item))]
    return [tag for tag in dict.fromkeys(found) if tag.lower() not in _FOREIGN_TAGS][:MAX_TAGS]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""
