"""What opens this server: the token in the printed address, a start code that works once, and the cookie they become.

Cookies belong to a host and know no ports, so a browser would bring ours to every other server on 127.0.0.1 that is
visited, and who has it could use it here. The cookie is therefore for a path only that this server made up: whoever
does not know the path never gets it, and the path alone opens nothing.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum, auto
from ipaddress import IPv6Address, ip_address

from mlx_convert_ui.shell.peers import Peer, same_user

TOKEN = "MLX_CONVERT_UI_TOKEN"  # unlike arguments, nobody else on this machine can read the environment
LONG = 16  # characters of a token for a network: more than can be guessed at five a second
START_SECONDS = 120.0  # that a start code is good for: a browser may be slow to come up
_BURST, _PER_SECOND = 10.0, 0.5  # wrong keys from one address: a person mistypes, a program guesses
_ALL_BURST, _ALL_PER_SECOND = 60.0, 5.0  # and from all others together
_ADDRESSES = 1024  # that are remembered; the limit for all together holds for who comes with more


class Outcome(Enum):
    """What became of a key that was shown."""

    RIGHT = auto()
    WRONG = auto()
    TOO_MANY = auto()


class Keys:
    """The keys of one server, made anew for each; ``token`` is one that a person chose instead.

    ``clock`` gives seconds, as time.monotonic does.
    """

    def __init__(self, token: str | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.token = token or secrets.token_urlsafe(24)
        self.place = f"/~{secrets.token_urlsafe(12)}"  # below which all pages are
        self.cookie = secrets.token_urlsafe(32)
        self.start = secrets.token_urlsafe(24)
        self._clock = clock
        self._until = clock() + START_SECONDS
        # What we make is too long to guess; slowing guesses down would only let them keep people out.
        self._brake = Brake(clock) if token else None

    def try_token(self, given: str, peer: Peer) -> Outcome:
        """Whether ``given`` is the token; who guesses is slowed down, a right guess included."""
        if self._brake is None:
            return Outcome.RIGHT if _same(given, self.token) else Outcome.WRONG
        if not self._brake.free(peer):
            return Outcome.TOO_MANY
        if _same(given, self.token):
            return Outcome.RIGHT
        self._brake.failed(peer)
        return Outcome.WRONG

    def try_start(self, given: str, peer: Peer, server: Peer) -> Outcome:
        """Whether ``given`` is the start code. It works once, for a while, and where that can be seen for us only."""
        if not _same(given, self.start) or self._clock() > self._until or not same_user(peer, server):
            return Outcome.WRONG
        self._until = float("-inf")
        return Outcome.RIGHT

    def fits(self, cookie: str) -> bool:
        """Whether ``cookie`` is ours."""
        return _same(cookie, self.cookie)


class Brake:
    """Lets an address show ten wrong keys at once, then one every two seconds; other machines together five a second.

    This machine is not held back by what others do, so the person at it always gets in.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._all = _Bucket(_ALL_BURST, _ALL_PER_SECOND, clock())
        self._each: OrderedDict[str, _Bucket] = OrderedDict()

    def free(self, peer: Peer) -> bool:
        """Whether ``peer`` may try a key now."""
        now = self._clock()
        name, own = _group(peer)
        bucket = self._each.get(name)
        return (bucket is None or bucket.holds(now)) and (own or self._all.holds(now))

    def failed(self, peer: Peer) -> None:
        """Count a wrong key."""
        now = self._clock()
        name, own = _group(peer)
        bucket = self._each.setdefault(name, _Bucket(_BURST, _PER_SECOND, now))
        self._each.move_to_end(name)
        bucket.take(now)
        if not own:
            self._all.take(now)
        if len(self._each) > _ADDRESSES:
            self._each.popitem(last=False)


class _Bucket:
    """Tries that are left: ``size`` at first, ``rate`` more each second."""

    def __init__(self, size: float, rate: float, now: float) -> None:
        self._size = size
        self._rate = rate
        self._left = size
        self._at = now

    def holds(self, now: float) -> bool:
        """Whether a try is left."""
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left >= 1

    def take(self, now: float) -> None:
        """Use one up."""
        self.holds(now)
        self._left -= 1


def _group(peer: Peer) -> tuple[str, bool]:
    """What counts as one guesser, and whether it is this machine; a network of IPv6 counts as one address."""
    try:
        address = ip_address(peer[0])
    except ValueError:
        return peer[0], False
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif not address.is_loopback:
            return str(IPv6Address(int(address) >> 64 << 64)), False
    return str(address), address.is_loopback


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
