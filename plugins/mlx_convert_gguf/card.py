"""What a GGUF file says about the model: its name, licence, languages and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import cached_repo, file_names, hub_names
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.origin import repo_at

# How files of one model are told apart: ...-Q4_K_M.gguf, ....F16.gguf, ...-00001-of-00002.gguf
_SUFFIX = re.compile(
    r"[-._](?:(?:i1-)?(?:UD-)?I?Q\d\w*|TQ\d\w*|[BF]F?(?:16|32)|MXFP4\w*|NVFP4\w*|GGUF|\d{5}-of-\d{5})$", re.I
)
# What tools name a file by its content: sha256-…, and hashes of 32 digits or more (md5, git, sha256).
_HASH = re.compile(r"(?:sha256[-_:]?)?[0-9a-f]{32,64}", re.I)
_SHOWN = 12  # digits of a hash that tell it from others
_CARD = {"license": "license", "license_name": "license.name", "license_link": "license.link"}
_LISTS = {"language": "languages", "tags": "tags", "datasets": "datasets"}


def name_of(path: Path, fields: Fields) -> str:
    """The model's name: the file's, without what says how it was quantized.

    A file that is named by a hash, as those of Ollama and the blobs of a Hub cache are, has the name that stands in it.
    """
    name = path.stem if path.suffix.lower() == file_names.GGUF else path.name
    if _HASH.fullmatch(name):
        repo = cached_repo(path)
        named = next(filter(None, map(_as_name, (*_own_names(fields), repo.name if repo is not None else ""))), "")
        name = named or f"model-{name.rpartition('-')[2][:_SHOWN]}"
    while (shorter := _SUFFIX.sub("", name)) != name and shorter:
        name = shorter
    return name


def _own_names(fields: Fields) -> Iterator[str]:
    yield fields.text("general.name", "")
    yield "-".join(filter(None, (fields.text(f"general.{key}", "") for key in ("basename", "finetune", "size_label"))))


def _as_name(text: str) -> str:
    """``text`` of a file as the name of a folder, "" when no name can be made of it."""
    name = re.sub(r"[^A-Za-z0-9._]+", "-", text.rpartition("/")[2]).strip("-._")[: hub_names.MAX_ID]
    return "" if _HASH.fullmatch(name) else name


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
    return repo_at(fields, f"general.base_model.{number}.repo_url")
