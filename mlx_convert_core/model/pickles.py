"""What a pickle of tensors says, told without running any of it.

Python's own unpickler imports and calls whatever a pickle names. This reader knows the few instructions that
`torch.save` writes, imports nothing and calls nothing: a name stays a name, and only what `Words` lists may be asked
for. Source of the format: `pickletools` in the standard library.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.errors import CorruptCheckpoint

_KEYS = (str, int, float, bool, type(None))  # of a dict; to hash anything deeper may never end
_SHOWN = 200  # characters of a name
_MALFORMED = (IndexError, KeyError, TypeError, ValueError, struct.error, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Word:
    """A name that a pickle asks for, such as ``torch.FloatStorage``; whatever it means, it is not looked up."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a pickle may ask for: ``plain`` names stand for themselves, ``made`` are called with their arguments.

    ``stored`` makes a value of what the pickle says of bytes outside it (a persistent id).
    """

    plain: frozenset[str]
    made: Mapping[str, Callable[[tuple[Any, ...]], Any]]
    stored: Callable[[Any], Any]


def unpickled(data: bytes, start: int, words: Words, file: str) -> tuple[Any, int]:
    """The value of the pickle in ``data`` from ``start`` on, and where it ends.

    Raises CorruptCheckpoint (codes ``pickle_refused`` for a name that is not among ``words``, ``corrupt_header``).
    """
    return _Reader(data, start, words, file).value()


class _Reader:
    """One pickle. Marks are positions in the stack; the memo keeps values by number."""

    def __init__(self, data: bytes, start: int, words: Words, file: str) -> None:
        self._data = data
        self._at = start
        self._words = words
        self._file = file
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def value(self) -> tuple[Any, int]:
        try:
            while (code := self._take(1)) != b".":
                _CODES[code](self)
            return self._stack.pop(), self._at
        except _MALFORMED:
            raise CorruptCheckpoint(
                f"{self._file} is no file that torch.save wrote: the list of its tensors can't be read.",
                hint="The file is damaged, or made by another program. Download it again.",
                code="corrupt_header",
            ) from None

    def _take(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise ValueError
        self._at += count
        return found

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        end = self._data.index(b"\n", self._at)
        line = self._data[self._at : end].decode()
        self._at = end + 1
        return line

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _since_mark(self) -> list[Any]:
        mark = self._marks.pop()
        found = self._stack[mark:]
        del self._stack[mark:]
        return found

    def _mark(self) -> None:
        self._marks.append(len(self._stack))

    def _constant(self, value: Any) -> None:
        self._push(value)

    def _plain(self, form: str) -> None:
        self._push(self._number(form))

    def _long(self) -> None:
        self._push(int.from_bytes(self._take(self._number("<B")), "little", signed=True))

    def _text(self, form: str) -> None:
        self._push(self._take(self._number(form)).decode("utf-8", "surrogatepass"))

    def _bytes(self, form: str) -> None:
        self._push(self._take(self._number(form)))

    def _skip(self, count: int) -> None:
        self._take(count)

    def _tuple_of(self, count: int) -> None:
        found = tuple(self._stack[-count:])
        if len(found) != count:
            raise IndexError
        self._stack[-count:] = [found]

    def _append(self, *, several: bool) -> None:
        found = self._since_mark() if several else [self._stack.pop()]
        _of(list, self._stack[-1]).extend(found)

    def _set(self, *, several: bool) -> None:
        found = self._since_mark() if several else [self._stack.pop(-2), self._stack.pop()]
        _fill(_of(dict, self._stack[-1]), found)

    def _dict(self) -> None:
        found: dict[Any, Any] = {}
        _fill(found, self._since_mark())
        self._push(found)

    def _put(self, form: str) -> None:
        self._memo[self._number(form)] = self._stack[-1]

    def _get(self, form: str) -> None:
        self._push(self._memo[self._number(form)])

    def _memoize(self) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _global(self) -> None:
        self._word(self._line(), self._line())

    def _stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._word(_of(str, module), _of(str, name))

    def _word(self, module: str, name: str) -> None:
        word = f"{module}.{name}"
        if word not in self._words.plain and word not in self._words.made:
            raise CorruptCheckpoint(
                f"{self._file} asks for {word[:_SHOWN]!r}, which is none of the few things that a file of tensors"
                " needs: nothing of it was run.",
                hint="Look for a safetensors version of the model, or have who made the file save its tensors alone.",
                code="pickle_refused",
            )
        self._push(Word(word))

    def _call(self) -> None:
        arguments, word = _of(tuple, self._stack.pop()), _of(Word, self._stack.pop())
        self._push(self._words.made[word.name](arguments))

    def _build(self) -> None:
        """Attributes of what was made, of which a dict has none that are wanted (``_metadata`` of a state dict)."""
        self._stack.pop()
        _of(dict, self._stack[-1])

    def _outside(self) -> None:
        self._push(self._words.stored(self._stack.pop()))


def _of(kind: type[Any], value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value


def _fill(target: dict[Any, Any], found: list[Any]) -> None:
    if len(found) % 2 or not all(type(key) in _KEYS for key in found[::2]):
        raise TypeError
    target.update(zip(found[::2], found[1::2], strict=True))


_CODES: dict[bytes, Callable[[_Reader], Any]] = {
    b"\x80": lambda one: one._skip(1),  # PROTO
    b"\x95": lambda one: one._skip(8),  # FRAME
    b"(": _Reader._mark,
    b"0": lambda one: one._stack.pop(),
    b"1": lambda one: one._since_mark(),
    b"N": lambda one: one._constant(None),
    b"\x88": lambda one: one._constant(True),
    b"\x89": lambda one: one._constant(False),
    b"J": lambda one: one._plain("<i"),
    b"K": lambda one: one._plain("<B"),
    b"M": lambda one: one._plain("<H"),
    b"G": lambda one: one._plain(">d"),
    b"\x8a": _Reader._long,
    b"X": lambda one: one._text("<I"),
    b"\x8c": lambda one: one._text("<B"),
    b"T": lambda one: one._text("<i"),  # as Python 2 wrote names
    b"U": lambda one: one._text("<B"),
    b"B": lambda one: one._bytes("<I"),
    b"C": lambda one: one._bytes("<B"),
    b")": lambda one: one._constant(()),
    b"t": lambda one: one._push(tuple(one._since_mark())),
    b"\x85": lambda one: one._tuple_of(1),
    b"\x86": lambda one: one._tuple_of(2),
    b"\x87": lambda one: one._tuple_of(3),
    b"]": lambda one: one._push([]),
    b"l": lambda one: one._push(one._since_mark()),
    b"a": lambda one: one._append(several=False),
    b"e": lambda one: one._append(several=True),
    b"}": lambda one: one._push({}),
    b"d": _Reader._dict,
    b"s": lambda one: one._set(several=False),
    b"u": lambda one: one._set(several=True),
    b"q": lambda one: one._put("<B"),
    b"r": lambda one: one._put("<I"),
    b"h": lambda one: one._get("<B"),
    b"j": lambda one: one._get("<I"),
    b"\x94": _Reader._memoize,
    b"c": _Reader._global,
    b"\x93": _Reader._stack_global,
    b"R": _Reader._call,
    b"b": _Reader._build,
    b"Q": _Reader._outside,
}
