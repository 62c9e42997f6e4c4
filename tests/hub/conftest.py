"""The hub's tests talk to a server on loopback with the real client."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from hubserver import Hub
from hubserver.fixture import client, hub
from mlx_convert_hub.client.connection import HubConnection

from mlx_convert_core import Workspace

__all__ = ["client", "connection", "hub", "settings", "workspace"]


@pytest.fixture
def settings(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The client's settings in this process: nobody is signed in, there is no proxy, and nothing of the user's."""
    from huggingface_hub import close_session, constants

    for name in list(os.environ):
        if name.startswith(("HF_", "HUGGING")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(hub.root / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    close_session()
    yield monkeypatch
    close_session()


@pytest.fixture
def connection(hub: Hub, settings: pytest.MonkeyPatch, tmp_path: Path) -> HubConnection:
    """A connection from this process to the test's hub, which loses patience soon."""
    return HubConnection(endpoint=hub.url, cache=tmp_path / "cache", timeout=2, stall_seconds=1, pause=0.01)


@pytest.fixture
def workspace(hub: Hub, settings: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose plugins, here and in workers, know the test's hub; Ann is signed in."""
    from huggingface_hub import constants

    for name, value in {**hub.env, "HF_TOKEN": hub.token("ann"), "HF_HUB_CACHE": str(tmp_path / "cache")}.items():
        settings.setenv(name, value)
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hub.url)
    settings.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    settings.setattr(constants, "ENDPOINT", hub.url)
    settings.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with Workspace() as opened:
        yield opened
