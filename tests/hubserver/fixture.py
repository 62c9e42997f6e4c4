"""Pytest fixtures: a hub for each test, and the real client in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from hubserver.client import Outcome, run
from hubserver.server import Hub


class Client(Protocol):
    """Evaluates an expression in which `hf` is huggingface_hub, against the test's hub."""

    def __call__(self, expression: str, *, token: str | None = None, **extra: str) -> Outcome: ...


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """Start an empty hub; an error inside the server fails the test."""
    server = Hub(tmp_path / "hub")
    yield server
    server.stop()
    assert not server.errors, "\n".join(server.errors)


@pytest.fixture
def client(hub: Hub) -> Client:
    """Return a function that runs the real client against the hub."""
    return partial(run, hub)
