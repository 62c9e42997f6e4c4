"""Keys: a start code works once, guesses are slowed down, and who has the right cookie is never held back."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from mlx_convert_ui.shell.keys import Brake, Keys, Outcome
from mlx_convert_ui.shell.peers import same_user

ELSEWHERE = ("192.0.2.7", 40000)
HERE = ("127.0.0.1", 40000)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give both ends of a connection within this machine, the server's first."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
        listening.accept()[0] as server,
    ):
        yield server, client


def test_a_start_code_works_once(connection: tuple[socket.socket, socket.socket]) -> None:
    server, client = (end.getsockname() for end in connection)
    keys = Keys()
    assert keys.try_start("wrong", client, server) is Outcome.WRONG
    assert keys.try_start(keys.token, client, server) is Outcome.WRONG
    assert keys.try_start(keys.start, client, server) is Outcome.RIGHT
    assert keys.try_start(keys.start, client, server) is Outcome.WRONG


def test_a_start_code_is_good_for_two_minutes(connection: tuple[socket.socket, socket.socket]) -> None:
    server, client = (end.getsockname() for end in connection)
    clock = Clock()
    keys = Keys(clock=clock)
    clock.now += 121
    assert keys.try_start(keys.start, client, server) is Outcome.WRONG


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells whose a connection is")
def test_linux_tells_whose_a_connection_is(connection: tuple[socket.socket, socket.socket]) -> None:
    server, client = connection
    assert same_user(client.getsockname(), server.getsockname())
    assert not same_user(("127.0.0.1", 1), server.getsockname()), "nobody's connection is not ours"


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.getuid() != 0, reason="only root can be somebody else")
def test_a_start_code_is_no_use_to_another_user_of_this_machine() -> None:
    keys = Keys()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        other = subprocess.Popen(["bash", "-c", f"read < /dev/tcp/127.0.0.1/{port}"], user=65534, cwd="/")
        try:
            server, peer = listening.accept()
            with server:
                assert keys.try_start(keys.start, peer, server.getsockname()) is Outcome.WRONG
        finally:
            other.wait(60)
        with socket.create_connection(("127.0.0.1", port)) as ours:
            assert keys.try_start(keys.start, ours.getsockname(), ours.getpeername()) is Outcome.RIGHT


def test_wrong_keys_slow_an_address_down_right_ones_included() -> None:
    clock = Clock()
    keys = Keys("a token of sixteen", clock=clock)
    assert [keys.try_token(f"guess {number}", ELSEWHERE) for number in range(12)] == [
        *[Outcome.WRONG] * 10,
        *[Outcome.TOO_MANY] * 2,
    ]
    assert keys.try_token("a token of sixteen", ELSEWHERE) is Outcome.TOO_MANY, "else guessing on would pay"
    assert keys.fits(keys.cookie), "who is in stays in"
    assert keys.try_token("a token of sixteen", HERE) is Outcome.RIGHT
    clock.now += 2
    assert keys.try_token("a token of sixteen", ELSEWHERE) is Outcome.RIGHT


def test_right_keys_are_not_counted() -> None:
    keys = Keys("a token of sixteen", clock=Clock())
    assert {keys.try_token("a token of sixteen", ELSEWHERE) for _ in range(100)} == {Outcome.RIGHT}


def test_a_day_of_guesses_from_everywhere_comes_to_five_a_second_and_little_memory() -> None:
    clock = Clock()
    brake = Brake(clock)
    tried = 0
    for second in range(1000):
        clock.now += 1
        for number in range(20):  # a new address each time
            peer = (f"10.{second // 250}.{second % 250}.{number}", 40000)
            if brake.free(peer):
                brake.failed(peer)
                tried += 1
    assert tried == pytest.approx(5 * 1000, rel=0.05)
    assert len(brake._each) <= 1024
    assert brake.free(HERE), "the person at this machine is not held back by others"


def test_the_addresses_of_one_ipv6_network_count_as_one() -> None:
    keys = Keys("a token of sixteen", clock=Clock())
    peers = [(f"2001:db8::{number:x}", 40000) for number in range(11)]
    assert [keys.try_token("guess", peer) for peer in peers][-1] is Outcome.TOO_MANY
    assert keys.try_token("guess", ("2001:db8:1::1", 40000)) is Outcome.WRONG


def test_a_key_that_nobody_chose_can_not_be_guessed_so_nobody_is_kept_out() -> None:
    keys = Keys(clock=Clock())
    assert len(keys.token) >= 32
    assert {keys.try_token("guess", HERE) for _ in range(100)} == {Outcome.WRONG}
    assert keys.try_token(keys.token, HERE) is Outcome.RIGHT
