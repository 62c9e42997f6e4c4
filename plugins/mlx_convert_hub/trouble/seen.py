"""What went wrong between us and the Hub, seen through the exceptions that the client raises.

The client hides causes: 429, 5xx and name lookups may all arrive as LocalEntryNotFoundError. So the whole chain
of causes is looked at. Nothing of it is shown before `scrub` took out signatures and tokens.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_QUERY = re.compile(r"(https?://[^\s?'\"<>]*)\?[^\s'\"<>)\]]+")
_USER = re.compile(r"(https?://)[^\s/@'\"]+@")
_TOKEN = re.compile(r"\b(?:hf|api_org|hf_oauth|hf_jwt)_[A-Za-z0-9_.-]{6,}|(?<=Bearer )\S+")


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What was being done: with which repo at which revision, by which endpoint (bare), perhaps with one file."""

    repo_id: str = ""
    revision: str = "main"
    endpoint: str = "https://huggingface.co"
    file: str = ""
    cache: str = ""
    uploading: bool = False


@dataclass(frozen=True)
class Failure:
    """An exception with everything about it that tells causes apart."""

    error: BaseException
    situation: Situation

    @cached_property
    def chain(self) -> tuple[BaseException, ...]:
        """The exception and its causes, the outermost first."""
        return tuple(_causes(self.error))

    def has(self, *names: str) -> bool:
        """Whether an exception of a class with one of these names, or of a subclass, is in the chain."""
        classes = {kind.__name__ for error in self.chain for kind in type(error).__mro__}
        return not classes.isdisjoint(names)

    def says(self, *texts: str) -> bool:
        """Whether one of ``texts`` is in what any of the exceptions says."""
        told = self.text.lower()
        return any(text.lower() in told for text in texts)

    @cached_property
    def text(self) -> str:
        """What the exceptions say, for looking into; not scrubbed."""
        return "\n".join([*map(str, self.chain), self.header("X-Error-Message")])

    @cached_property
    def response(self) -> Any:
        """The answer that was an error, None when there was none."""
        return next((found for error in self.chain if (found := getattr(error, "response", None)) is not None), None)

    @property
    def status(self) -> int:
        """The HTTP status of the answer, 0 without one."""
        return int(getattr(self.response, "status_code", 0))

    @property
    def errno(self) -> int:
        """The operating system's number of the error, 0 without one."""
        return next((error.errno for error in self.chain if isinstance(error, OSError) and error.errno), 0)

    def header(self, name: str) -> str:
        """A header of the answer, "" without it."""
        return str(self.response.headers.get(name, "")) if self.response is not None else ""

    @property
    def retry_after(self) -> float | None:
        """The seconds that the Hub asks to wait, None when it does not say."""
        limit = re.search(r";\s*t=(\d+)", self.header("RateLimit"))
        if limit and re.search(r"\br=0\b", self.header("RateLimit")):
            return float(limit[1])
        return _seconds(self.header("Retry-After"))

    @property
    def host(self) -> str:
        """The endpoint's host, with its port."""
        return urlsplit(self.situation.endpoint).netloc.rpartition("@")[2]

    @property
    def proxy(self) -> str:
        """The proxy that stands between us and the endpoint, with its password masked; "" without one."""
        return proxy_for(self.situation.endpoint)

    @property
    def token_source(self) -> str:
        """Where the token in use comes from, in words; "" when there is none."""
        return token_source()


def token_source() -> str:
    """Where the client takes its token from, in words; "" when it has none."""
    from huggingface_hub import get_token

    if os.environ.get("HF_OIDC_RESOURCE"):
        return "the token exchange named by HF_OIDC_RESOURCE"
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if os.environ.get(variable, "").strip():
            return f"the environment variable {variable}"
    return "the login on this machine" if get_token() else ""


def proxy_for(url: str) -> str:
    """The proxy for ``url``, as the client chooses it, with its password masked; "" without one."""
    address = urlsplit(url)
    if not address.hostname or proxy_bypass(address.netloc.rpartition("@")[2]):
        return ""
    proxies = getproxies()
    found = proxies.get(address.scheme) or proxies.get("all", "")
    return _USER.sub(r"\1…@", found if "://" in found else f"http://{found}") if found else ""


def scrub(text: str) -> str:
    """``text`` without the query of any address, without names and passwords in addresses, without tokens."""
    from huggingface_hub import get_token

    token = get_token()
    if token:
        text = text.replace(token, "…")
    return _TOKEN.sub("…", _USER.sub(r"\1…@", _QUERY.sub(r"\1?…", text)))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__  # also where `from None` hides it


def _seconds(text: str) -> float | None:
    """Retry-After: seconds, or a date."""
    if re.fullmatch(r"\d+", text.strip()):
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return None


def one_line(text: str, limit: int = 300) -> str:
    """``text`` on one line, without characters that don't print, cut to ``limit``."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:limit]
