"""How we talk to the Hub: the client's own session, headers and errors, with time-outs that it lacks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from mlx_convert_core.plugin import bare_address, read_json, spelled, units
from mlx_convert_hub.client.patience import OddAnswer, RangeRefused, TooSlow, is_packed, session, within
from mlx_convert_hub.trouble.seen import Failure, Situation

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub.hf_api import ModelInfo

T = TypeVar("T")
PATIENCE_SECONDS = 15.0  # the longest wait that a question is worth
ASK_TRIES = 3
_ODD = ("RangeRefused", "EndedEarly", "TooSlow")
ANSWER_BYTES = 50_000_000  # of an answer to a question; the list of a repo with 10,000 files has 3 MB
ANSWER_SECONDS = 60.0  # until it is whole, however slowly it drips


@dataclass(frozen=True, kw_only=True)
class HubConnection:
    """An endpoint and a cache folder.

    ``timeout`` is for answers to questions, in seconds; ``stall_seconds`` without a byte end a download's
    connection, and ``answer_seconds`` any answer that is waited for; ``pause`` is the first wait before another try,
    and doubles.
    """

    endpoint: str
    cache: Path
    timeout: float = 10.0
    stall_seconds: float = 30.0
    pause: float = 1.0
    answer_seconds: float = ANSWER_SECONDS

    @classmethod
    def from_environment(cls) -> HubConnection:
        """What the user's settings of the Hub's client say (HF_ENDPOINT, HF_HUB_CACHE, HF_HUB_DOWNLOAD_TIMEOUT)."""
        from huggingface_hub import constants

        chosen = os.environ.get("HF_HUB_DOWNLOAD_TIMEOUT")
        stall = {"stall_seconds": float(constants.HF_HUB_DOWNLOAD_TIMEOUT)} if chosen else {}
        return cls(endpoint=constants.ENDPOINT, cache=spelled(Path(constants.HF_HUB_CACHE)), **stall)

    @property
    def site(self) -> str:
        """The endpoint as it may be shown: a name and a password in it are for requests only."""
        return bare_address(self.endpoint)

    @property
    def offline(self) -> bool:
        """Whether the user has switched the Hub's client off."""
        from huggingface_hub import constants

        return bool(constants.is_offline_mode())

    def situation(self, repo_id: str, revision: str | None = None, **more: Any) -> Situation:
        """What `errors.explained` needs to know about a request through this connection."""
        return Situation(
            repo_id=repo_id, revision=revision or "main", endpoint=self.site, cache=str(self.cache), **more
        )

    def ask(self, question: Callable[[], T]) -> T:
        """The answer to ``question``, asked again after a short trouble of the Hub.

        It is asked on a thread of its own, which is left after ``answer_seconds`` (TooSlow).
        """
        for attempt in range(ASK_TRIES - 1):
            try:
                return within(self.answer_seconds, question)
            except Exception as error:
                failure = Failure(error, Situation(endpoint=self.site))
                wait = seconds_to_wait(failure, attempt, self.pause)
                silent = failure.has("ConnectError", "TimeoutException", "TooSlow")
                if wait is None or wait > PATIENCE_SECONDS or silent:
                    raise
                time.sleep(wait)
        return within(self.answer_seconds, question)

    def get(self, path: str, token: str | None = None, **params: Any) -> httpx2.Response:
        """GET a path below the endpoint, with the token in use unless ``token``; raises what the client raises.

        Also OddAnswer and TooSlow: neither a flood, compressed or not, nor a drip is read to its end.
        """
        import httpx2
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

        headers = {**build_hf_headers(token=token), "Accept-Encoding": "identity"}
        url = self.endpoint + path
        with session().stream(
            "GET", url, headers=headers, params=params, timeout=self.timeout, follow_redirects=True
        ) as response:
            if response.is_success and is_packed(response):
                raise OddAnswer("the answer is packed, which was not asked for")
            data = b"".join(self.blocks(response, ANSWER_BYTES))
        plain = [pair for pair in response.headers.multi_items() if pair[0].lower() != "content-encoding"]
        whole = httpx2.Response(response.status_code, headers=plain, content=data, request=response.request)
        hf_raise_for_status(whole)
        return whole

    def describe(self, repo_id: str, revision: str | None = None) -> ModelInfo:
        """What the Hub says about a repo, with its files; raises what `get` raises."""
        from huggingface_hub.hf_api import ModelInfo
        from huggingface_hub.utils import validate_repo_id

        validate_repo_id(repo_id)
        at = f"/revision/{quote(revision, safe='')}" if revision else ""
        answer = self.get(f"/api/models/{repo_id}{at}", blobs=True)
        try:
            found = read_json(answer.content)
        except (ValueError, RecursionError):
            raise OddAnswer("what it says of the repo is not JSON") from None
        if not isinstance(found, dict) or not isinstance(found.get("id"), str):
            raise OddAnswer("what it says of the repo has no id")
        return ModelInfo(**found)

    def blocks(self, response: httpx2.Response, limit: int) -> Iterator[bytes]:
        """The bytes of an answer that is waited for, as they come. Raises OddAnswer and TooSlow."""
        end, size = time.monotonic() + self.answer_seconds, 0
        for block in response.iter_raw():
            size += len(block)
            if size > limit:
                raise OddAnswer(f"the answer has more than {units.size(limit)}")
            if time.monotonic() > end:
                raise TooSlow(f"after {self.answer_seconds:g} s only {size:,} bytes of the answer were there")
            yield block

    @contextmanager
    def stream(self, repo_id: str, name: str, commit: str, byte_range: str = "") -> Iterator[httpx2.Response]:
        """GET a file of a commit, from where the Hub keeps it. The token does not go along to another origin.

        Raises what the client raises, RangeRefused for status 416, and TooSlow when no answer begins.
        """
        import httpx2
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

        client = session()
        url = hf_hub_url(repo_id, name, revision=commit, endpoint=self.endpoint)
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
        if byte_range:
            headers["Range"] = f"bytes={byte_range}"
        limits = httpx2.Timeout(self.timeout, read=self.stall_seconds)
        request = client.build_request("GET", url, headers=headers, timeout=limits)
        response = within(
            self.timeout + 2 * self.stall_seconds,  # with redirects
            lambda: client.send(request, stream=True, follow_redirects=True),
            httpx2.Response.close,
        )
        try:
            if response.status_code == 416:
                raise RangeRefused(f"the server has no range {byte_range} of {name}")
            hf_raise_for_status(response)
            yield response
        finally:
            response.close()


def seconds_to_wait(failure: Failure, attempt: int, pause: float) -> float | None:
    """How long to wait before trying again, None when that is of no use."""
    if failure.status in (408, 429, 500, 502, 503, 504):
        asked = failure.retry_after
        return asked if asked is not None else pause * 2**attempt
    if failure.status or failure.has("SSLError"):
        return None
    if failure.has("TimeoutException", "NetworkError", "RemoteProtocolError", "ProxyError", "Stalled", *_ODD):
        return pause * 2**attempt
    return None
