"""Documents and bytes spoiled at random, with an eye for what breaks programs that read them.

All is drawn from one `random.Random`: the same one gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

LONG = 1_000_000
_MARK = "\ue000"  # stands around text that goes into the JSON as it is
TEXTS = (
    "",
    " ",
    "0",
    "\0",
    "null",
    "a\0b",
    "\ud800",
    "x\udc80y",
    "\ue000",
    "\U0001f469\u200d\U0001f680",
    "\u202egpj.exe",
    "\u2066isolated",
    "\x1b]0;title\x07\x1b[2J",
    "\r\n\t",
    "\u2028",
    "{{ 7 * 7 }}",
    "{% raise %}",
    "<script>alert(1)</script>",
    "'; DROP TABLE models; --",
    "$(touch pwned)",
    "%s%n%d",
    "..",
    "/",
    "~",
    "~nobody-of-this-name/x",
    "../outside/secret.txt",
    "../../outside/secret.json",
    "/etc/passwd",
    "C:\\model",
    "file:///etc/passwd",
    "https://user:secret@example.org/x",
    "[a-z]*?",
    "--force",
    "a" * 300,
    "é" * 200,
    "model.safetensors",
    "config.json",
    "float16",
    "llama",
    "org/name",
)
NUMBERS = (
    *(
        0,
        -1,
        1,
        2,
        3,
        7,
        255,
        65_536,
        1_000_000,
        2**31 - 1,
        2**31,
        2**53 + 1,
        2**63 - 1,
        2**63,
        2**64,
        10**30,
        -(2**63),
    ),
    *(0.5, -0.0, 1e-320, 1e308, -1e308, 3.999999, 2.0, float("nan"), float("inf"), float("-inf")),
)
TOKENS = (
    "[" * 3_000,
    '{"a":' * 3_000,
    "9" * 5_000,
    "-",
    "1e999",
    "1e-999",
    "0123",
    "tru",
    "'x'",
    "/* */",
    ",",
    '"',
    "\\u12",
)


def odd_value(random: Random, *, long: bool = True) -> Any:
    """Give a value that a reader may not expect: of another type, far out of range, or a text that steers something."""
    kind = random.randrange(14)
    if kind < 5:
        return random.choice(NUMBERS)
    if kind < 9:
        return random.choice(TEXTS)
    if kind < 12:
        return random.choice((None, True, False, [], {}, [[]], {"": None}, [None], [1, "a"], {"a": {}}, [0] * 40))
    if kind == 12:
        return nested(random)
    if not long or random.random() < 0.8:
        return [odd_value(random, long=False) for _ in range(3)]
    return random.choice(("long ", "é", "\ud83d")) * (LONG // 5)


def nested(random: Random) -> str:
    """Give lists or objects in each other, too deep for most readers."""
    depth = random.choice((20, 200, 600, 1_200, 40_000))
    opening, closing = random.choice((("[", "]"), ('{"a":', "}")))
    return as_it_is(opening * depth + "0" + closing * depth)


def as_it_is(text: str) -> str:
    """Give a text that becomes ``text`` itself, unquoted, in the JSON that `spoiled_json` writes."""
    return f"{_MARK}{text.encode().hex()}{_MARK}"


def spoiled(random: Random, value: Any, changes: int | None = None) -> Any:
    """``value`` with a few odd places; it is made of dicts and lists, and may be changed itself."""
    for _ in range(changes or random.choice((1, 1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            return odd_value(random)
        random.choice(_CHANGES)(random, *random.choice(places))
    return value


def spoiled_json(random: Random, value: Any) -> bytes:
    """``value`` as JSON, spoiled as data or, now and then, as text or bytes."""
    value = json.loads(json.dumps(value))
    plain = random.random() < 0.15
    text = written(random, value if plain else spoiled(random, value))
    data = text.encode("utf-8", "surrogatepass")
    return spoiled_bytes(random, data) if plain or random.random() < 0.1 else data


def written(random: Random, value: Any) -> str:
    """``value`` as JSON text, in which what `as_it_is` gave stands unquoted."""
    parts = json.dumps(value, ensure_ascii=random.random() < 0.5).replace("\\ue000", _MARK).split(_MARK)
    for index in range(1, len(parts) - 1):
        if parts[index - 1].endswith('"') and parts[index + 1].startswith('"') and _is_hex(parts[index]):
            parts[index] = bytes.fromhex(parts[index]).decode()
            parts[index - 1], parts[index + 1] = parts[index - 1][:-1], parts[index + 1][1:]
    return "".join(parts)


def spoiled_bytes(random: Random, data: bytes, where: int | None = None) -> bytes:
    """``data`` with flipped bits, cut, doubled, or with something foreign in it, within its first ``where`` bytes."""
    size = min(len(data), where or len(data))
    for _ in range(random.choice((1, 1, 2, 8))):
        data = random.choice(_BYTE_CHANGES)(random, data, random.randrange(size + 1))
    return data


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (dict or list, key or index) in ``value``."""
    found: list[tuple[Any, Any]] = []
    open_: list[Any] = [value]
    while open_:
        one = open_.pop()
        if not isinstance(one, dict | list):
            continue
        inner = one.items() if isinstance(one, dict) else enumerate(one)
        for key, item in inner:
            found.append((one, key))
            if isinstance(item, dict) or len(item if isinstance(item, list) else ()) < 100:
                open_.append(item)
            else:
                found.extend((item, index) for index in range(3))
    return found


def _replace(random: Random, holder: Any, key: Any) -> None:
    holder[key] = odd_value(random)


def _remove(random: Random, holder: Any, key: Any) -> None:
    del holder[key]


def _rename(random: Random, holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        holder[random.choice(TEXTS)] = holder.pop(key)
    else:
        holder.insert(key, odd_value(random))


def _repeat(random: Random, holder: Any, key: Any) -> None:
    """The same key a second time, with another value; an item of a list many times."""
    if isinstance(holder, dict):
        twice = f"0,{json.dumps(key)}:{json.dumps(random.choice(NUMBERS))}"
        holder[key] = as_it_is(twice)
    else:
        holder.extend([holder[key]] * random.choice((1, 50)))


def _wrap(random: Random, holder: Any, key: Any) -> None:
    holder[key] = [holder[key]] if random.random() < 0.5 else {"value": holder[key]}


def _as_text(random: Random, holder: Any, key: Any) -> None:
    holder[key] = str(holder[key])


def _token(random: Random, holder: Any, key: Any) -> None:
    holder[key] = as_it_is(random.choice(TOKENS))


_CHANGES: tuple[Callable[[Random, Any, Any], None], ...] = (
    *(_replace,) * 8,
    _remove,
    _remove,
    _rename,
    _repeat,
    _wrap,
    _as_text,
    _token,
)


def _flip(random: Random, data: bytes, at: int) -> bytes:
    at = min(at, len(data) - 1)
    return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :] if data else data


def _cut(random: Random, data: bytes, at: int) -> bytes:
    return data[:at]


def _drop(random: Random, data: bytes, at: int) -> bytes:
    return data[:at] + data[at + random.randrange(1, 40) :]


def _double(random: Random, data: bytes, at: int) -> bytes:
    return data[:at] + data[max(0, at - random.randrange(1, 400)) : at] + data[at:]


def _insert(random: Random, data: bytes, at: int) -> bytes:
    foreign = (
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b'"',
        b"}",
        b"[" * 2_000,
        b"\xff" * 8,
        random.randbytes(4),
    )
    return data[:at] + random.choice(foreign) + data[at:]


def _numbers(random: Random, data: bytes, at: int) -> bytes:
    """Another number in eight bytes, as lengths and counts are written."""
    number = random.choice((0, 1, 7, 2**20, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1))
    return data[:at] + number.to_bytes(8, "little") + data[at + 8 :]


def _other_text(random: Random, data: bytes, at: int) -> bytes:
    return data.decode("utf-8", "replace").encode(random.choice(("utf-16", "utf-32", "utf-8-sig")))


_BYTE_CHANGES: tuple[Callable[[Random, bytes, int], bytes], ...] = (
    *(_flip,) * 4,
    _cut,
    _drop,
    _double,
    _insert,
    _insert,
    _numbers,
    _numbers,
    _other_text,
)


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and all(mark in "0123456789abcdef" for mark in text)
