"""Which repo a GGUF file was made from, as far as it says."""

from __future__ import annotations

from urllib.parse import urlparse

from mlx_convert_core.plugin import hub_names
from mlx_convert_gguf.fields import Fields

# What was converted comes first, then what that was made from; `repo_url` may be the page of the GGUF files themselves.
_KEYS = (
    "general.source.huggingface.repository",
    "general.source.repo_url",
    "general.source.url",
    "general.repo_url",
    "general.url",
    "general.base_model.0.repo_url",
)


def the_original(fields: Fields) -> str:
    """The next step where this file won't do: its own model's repo, where the file names one."""
    named = next((repo for key in _KEYS if (repo := repo_at(fields, key))), "")
    if named:
        return f"Convert the original model instead; the file says that it comes from {named}."
    return "Convert the original model instead: give its repo id."


def repo_at(fields: Fields, key: str) -> str:
    """The repo id in a field that holds one or the address of its page, "" for anything else, and for GGUF files."""
    address = urlparse(fields.text(key, "") if key in fields else "")
    path = address.path.strip("/")
    at_home = address.hostname in hub_names.SITES or not address.netloc
    named = at_home and hub_names.is_repo_id(path) and not path.lower().endswith("gguf")
    return path if named else ""
