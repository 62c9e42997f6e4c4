"""Threads of their own for what may wait for the network, so that no page that reads the disk waits behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

AT_ONCE = 2
T = TypeVar("T")


class NetworkThreads:
    """One for each server: a few are asked at once, the others wait for their turn."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="question")
        self._closed = False

    async def ask(self, question: Callable[[], T]) -> T | None:
        """What ``question`` gives, from a thread; None when the server ends. Raises what it raises."""
        if self._closed:
            return None
        return await asyncio.get_running_loop().run_in_executor(self._pool, question)

    def close(self) -> None:
        """Ask nothing more."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
