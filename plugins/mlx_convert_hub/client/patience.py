"""What an answer may cost, whatever a server sends: seconds, and bytes beside those that were asked for.

The client's own time-outs count from one piece to the next, so a server that sends a byte a second is never late; and
the client reads what comes with an error or a redirect to its end, unpacked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from mlx_convert_core.plugin import units

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
ASIDE_BYTES = 1_000_000  # of what comes with an error, a redirect, or as a receipt; they have a few hundred
PACKED_BYTES = 20_000  # of the same in a packed form, which grows up to a thousand times


class TooSlow(Exception):
    """Bytes come, but not so that anybody should wait for the rest."""


class OddAnswer(Exception):
    """An answer is far larger than any real one, or not what a Hub says."""


class RangeRefused(Exception):
    """The server says that a range of a file does not exist (status 416), though the file is longer."""


class EndedEarly(Exception):
    """An answer ended, in good order, before the file was whole."""


def within(seconds: float, work: Callable[[], T], late: Callable[[T], Any] = lambda result: None) -> T:
    """The result of ``work``, done on a thread of its own; after ``seconds`` raises TooSlow and leaves it.

    A result that comes too late goes to ``late``.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    lock, left = threading.Lock(), threading.Event()

    def body() -> None:
        try:
            result = work()
        except BaseException as error:
            errors.append(error)
            return
        with lock:
            results.append(result)
        if left.is_set():
            late(result)

    thread = threading.Thread(target=body, name="hub-question", daemon=True)
    thread.start()
    thread.join(seconds)
    with lock:
        if not results and not errors:
            left.set()
    if left.is_set():
        raise TooSlow(f"after {seconds:g} s there was no answer")
    if errors:
        raise errors[0]
    return results[0]


def session() -> httpx2.Client:
    """The client's own session; what it reads by itself is bounded from now on."""
    from huggingface_hub.utils import get_session

    found = get_session()
    hooks = found.event_hooks
    if _bound not in hooks["response"]:
        found.event_hooks = {**hooks, "response": [*hooks["response"], _bound]}
    return found


def _bound(response: httpx2.Response) -> None:
    """Let no more be read of an error, a redirect or a receipt than there ever is; files have their own limits."""
    if response.is_success and response.request.method in ("GET", "HEAD"):
        return
    response.stream = _limited(response.stream, PACKED_BYTES if is_packed(response) else ASIDE_BYTES)


def is_packed(response: httpx2.Response) -> bool:
    """Whether the body has to be unpacked, to any size."""
    return str(response.headers.get("Content-Encoding", "identity")) != "identity"


def _limited(stream: Any, most: int) -> Any:
    import httpx2

    class Limited(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            done = 0
            for block in stream:
                done += len(block)
                if done > most:
                    raise OddAnswer(f"there are more than {units.size(most)} beside the answer")
                yield block

        def close(self) -> None:
            stream.close()

    return Limited()
