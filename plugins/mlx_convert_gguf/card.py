"""What a GGUF file says about the model: its name, licence, languages and where it comes from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from mlx_convert_gguf.fields import Fields

# How files of one model are told apart: ...-Q4_K_M.gguf, ....F16.gguf, ...-00001-of-00002.gguf
_SUFFIX = re.compile(
    r"[-._](?:(?:i1-)?(?:UD-)?I?Q\d\w*|TQ\d\w*|[BF]F?(?:16|32)|MXFP4\w*|NVFP4\w*|GGUF|\d{5}-of-\d{5})$", re.I
)
_CARD = {"license": "license", "license_name": "license.name", "license_link": "license.link"}
_LISTS = {"language": "languages", "tags": "tags", "datasets": "datasets"}


def model_name(path: Path) -> str:
    """The model's name: the file's, without what says how it was quantized."""
    name = path.stem if path.suffix.lower() == ".gguf" else path.name
    while (shorter := _SUFFIX.sub("", name)) != name and shorter:
        name = shorter
    return name


def card_of(fields: Fields) -> dict[str, Any]:
    """The fields that the front matter of the model's README has; untrusted text, as it stands in the file."""
    card: dict[str, Any] = {
        name: fields.text(f"general.{key}") for name, key in _CARD.items() if f"general.{key}" in fields
    }
    card |= {name: values for name, key in _LISTS.items() if (values := fields.texts(f"general.{key}"))}
    bases = [base for number in range(fields.integer("general.base_model.count", 0)) if (base := _base(fields, number))]
    return card | ({"base_model": bases[0] if len(bases) == 1 else bases} if bases else {})


def _base(fields: Fields, number: int) -> str:
    """The repo id of a model that this one was made from, "" when the file has none."""
    address = urlparse(fields.text(f"general.base_model.{number}.repo_url", ""))
    parts = address.path.strip("/").split("/")
    return "/".join(parts) if address.hostname == "huggingface.co" and len(parts) == 2 else ""
