"""Web addresses as they may be shown and kept: what only a request needs is left out."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from mlx_convert_core.errors import InvalidRequest

HUB_SITES = ("huggingface.co", "www.huggingface.co", "hf.co")
_WEB = re.compile(r"\s*https?://", re.IGNORECASE)
_HUB_PAGE = re.compile(rf"\s*(?:{'|'.join(map(re.escape, HUB_SITES))})/", re.IGNORECASE)  # as some browsers copy it


def without_secrets(ref: str) -> str:
    """``ref``; if it is a web address, only its scheme, host and path. Raises InvalidRequest (code ``bad_id``)."""
    if _HUB_PAGE.match(ref):
        return without_secrets(f"https://{ref.strip()}").removeprefix("https://")
    if not _WEB.match(ref):
        return ref
    try:
        return bare_address(ref.strip())
    except ValueError:
        raise InvalidRequest(
            "the address of the model is not a web address.",
            hint="Paste the address of the model's page, or give its repo id: owner/name.",
            code="bad_id",
        ) from None


def shareable_address(ref: str) -> str:
    """``ref`` if it is an address that means the same on every machine, without user, password and query; else ""."""
    if "://" not in ref or ref.lower().startswith("file:"):
        return ""
    try:
        return bare_address(ref)
    except ValueError:
        return ""


def bare_address(address: str) -> str:
    """A web address without its user, password, query and fragment; raises ValueError when it is none."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
