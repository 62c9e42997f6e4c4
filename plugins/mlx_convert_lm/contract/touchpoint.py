"""What a touchpoint is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """Something that no release has to keep. ``broken`` gives a sentence, "" while all is as it was."""

    name: str
    used_by: str
    broken: Callable[[], str]


def lacking(function: Any, wanted: Iterable[str]) -> str:
    """Those of ``wanted`` that ``function`` does not take by keyword, "" when it takes all."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return ""
    taken = {parameter.name for parameter in parameters if parameter.kind is not inspect.Parameter.POSITIONAL_ONLY}
    return ", ".join(name for name in wanted if name not in taken)
