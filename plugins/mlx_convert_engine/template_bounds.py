"""A chat template held to what a template needs: it is a program of strangers, and may loop, or make texts without end.

Jinja's sandbox keeps it from everything but time and memory. Here its steps are counted, and what would be a text, a
list or a number beyond any prompt is refused before it is made. A clock is asked too, for steps that each take long.
The bounds hold for whichever environment of Jinja runs the template, transformers' own included; so whoever has a
template run, for whatever library of model classes, does it within them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import Any

STEPS = 2_000_000  # lines of a template, and calls in Jinja; a conversation of 1,000 messages takes some 50,000
SECONDS = 20.0  # for one prompt; the longest take a second
SIZE = 20_000_000  # characters or items; the longest contexts hold a million tokens of four characters
DIGITS = 10_000  # of a number
_COUNTS = {"width", "n", "max", "linecount", "slices", "indent", "length"}  # what Jinja's filters call a size
_PADDING = ("center", "ljust", "rjust", "zfill", "expandtabs")  # methods of a text that take one
# Modules whose calls count; of the first two every line.
_FILTERS = ("jinja2.filters", "jinja2.utils")
_JINJA = ("jinja2.", "transformers.utils.chat_template_utils")
_COMPILED = "<template>"  # Jinja's name for the file of a template that came as a text
_WIDTH = re.compile(r"\d{7,}")  # in a format: more than SIZE would be, or so near that nobody needs it
_OPERATORS = frozenset({"+", "*", "**", "%"})


class TooMuch(Exception):
    """A template goes beyond the bounds; the text says in what, as the end of a sentence."""


class _Beyond(BaseException):
    """The same on its way out of Jinja, which goes on after any Exception while it compiles."""


@contextmanager
def bounded(*lent: str) -> Iterator[None]:
    """Raise TooMuch when a template that the body compiles or renders on this thread goes beyond the bounds.

    ``lent`` are modules with functions that the template is given, besides Jinja's and transformers'.
    """
    before = sys.gettrace(), sys.getprofile()
    try:
        with _guarded_operations():
            sys.setprofile(_look_at_joined)
            sys.settrace(_counter((*_JINJA, *lent)))
            yield
    except MemoryError:
        raise TooMuch("it asks for more memory than there is") from None
    except _Beyond as error:
        raise TooMuch(str(error)) from None
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])


def _counter(counted: tuple[str, ...]) -> Callable[..., Any]:
    """A tracer that counts the lines of templates, their output and the calls within Jinja, and looks at what these
    are handed."""
    steps = made = 0
    end = monotonic() + SECONDS

    def count() -> None:
        nonlocal steps
        steps += 1
        if monotonic() > end:
            raise _Beyond(f"it does not come to an end within {SECONDS:.0f} seconds")
        if steps > STEPS:
            raise _Beyond(f"it does not come to an end within {STEPS:,} steps")

    def line(frame: FrameType, event: str, value: Any) -> Any:
        nonlocal made
        if event == "return" and isinstance(value, str):
            made += len(value)
            _check_size(made)
        count()
        return line

    def call(frame: FrameType, event: str, value: Any) -> Any:
        if frame.f_code.co_filename == _COMPILED:
            count()
            return line
        module = str(frame.f_globals.get("__name__"))
        if not module.startswith(counted):
            return None
        count()
        _check_filter(frame.f_code.co_name, frame.f_locals)
        return line if module in _FILTERS else None

    return call


def _look_at_joined(frame: FrameType, event: str, function: Any) -> None:
    """Look at the pieces that a template has gathered, in a macro for one, before they become one text."""
    if event != "c_call" or frame.f_code.co_filename != _COMPILED or getattr(function, "__name__", "") != "join":
        return
    for pieces in frame.f_locals.values():
        if isinstance(pieces, list):
            _check_size(sum(len(one) for one in pieces if isinstance(one, str)))


@contextmanager
def _guarded_operations() -> Iterator[None]:
    """Have the sandbox look at operators and calls first."""
    from jinja2.sandbox import SandboxedEnvironment

    kind: Any = SandboxedEnvironment
    originals = {name: kind.__dict__[name] for name in ("intercepted_binops", "call_binop", "call")}

    def call_binop(self: Any, context: Any, operator: str, left: Any, right: Any) -> Any:
        _check_operation(operator, left, right)
        return originals["call_binop"](self, context, operator, left, right)

    def call(self: Any, context: Any, function: Any, *arguments: Any, **named: Any) -> Any:
        _check_method(getattr(function, "__wrapped__", function), arguments)
        return originals["call"](self, context, function, *arguments, **named)

    kind.intercepted_binops, kind.call_binop, kind.call = _OPERATORS, call_binop, call
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(kind, name, original)


def _check_filter(name: str, values: Mapping[str, Any]) -> None:
    """Refuse a function of Jinja that is handed, or asked for, something too long; ``values`` are its arguments."""
    for key, value in values.items():
        if isinstance(value, str):
            _check_size(len(value))
        elif key in _COUNTS and isinstance(value, int):
            _check_size(value)
        elif isinstance(value, list | tuple):
            pieces = value if "join" in name else ()
            _check_size(len(value) + sum(len(one) for one in pieces if isinstance(one, str)))
        elif isinstance(value, dict) and isinstance(value.get("indent"), int):
            _check_size(value["indent"])
    text = values.get("value", values.get("s"))
    if name == "do_format" and _WIDTH.search(str(text)):
        raise _too_long()
    if name == "do_replace":
        _check_replaced(str(text), str(values.get("old")), str(values.get("new")))
    if name == "sync_do_join" and hasattr(text, "__len__"):
        _check_size(len(text) * len(str(values.get("d"))))


def _check_method(function: Any, arguments: tuple[Any, ...]) -> None:
    """Refuse a method of a text that would make a much longer one: wide fields, and a long text for each short one."""
    text = getattr(function, "__self__", None)
    if not isinstance(text, str):
        return
    name = getattr(function, "__name__", "")
    if name in _PADDING and arguments and isinstance(arguments[0], int):
        _check_size(arguments[0])
    if name in ("format", "format_map") and _WIDTH.search(text):
        raise _too_long()
    if name == "replace" and len(arguments) > 1 and all(isinstance(one, str) for one in arguments[:2]):
        _check_replaced(text, *arguments[:2])
    if name == "join" and arguments and isinstance(arguments[0], list | tuple):
        _check_size(sum(len(text) + len(one) for one in arguments[0] if isinstance(one, str)))


def _check_replaced(text: str, old: str, new: str) -> None:
    _check_size(len(text) + (text.count(old) if old else len(text) + 1) * len(new))


def _check_operation(operator: str, left: Any, right: Any) -> None:
    lengths = [len(one) for one in (left, right) if isinstance(one, str | list | tuple)]
    numbers = [one for one in (left, right) if isinstance(one, int)]
    if operator == "+" and len(lengths) == 2:
        _check_size(sum(lengths))
    elif operator == "*" and lengths and numbers:
        _check_size(lengths[0] * max(numbers[0], 0))
    elif operator in ("*", "**") and len(numbers) == 2:
        bits = left.bit_length() * max(right, 1) if operator == "**" else left.bit_length() + right.bit_length()
        if bits > 4 * DIGITS:
            raise _Beyond(f"it makes a number of more than {DIGITS:,} digits")
    elif operator == "%" and isinstance(left, str) and _WIDTH.search(left):
        raise _too_long()


def _check_size(size: int) -> None:
    if size > SIZE:
        raise _too_long()


def _too_long() -> _Beyond:
    return _Beyond(f"it makes a text or a list of more than {SIZE:,} characters or items")
