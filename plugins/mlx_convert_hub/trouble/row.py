"""A row of the table of troubles: what it says of one cause, and what many rows offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlx_convert_core.plugin import MlxConvertError, OpenPage, Remedies, SignIn
from mlx_convert_hub.trouble.seen import Failure

NEW_TOKEN = "Make a new token"
SIGN_IN = (SignIn(),)
PAGE = (OpenPage("{page}"),)
TOKENS = OpenPage("https://huggingface.co/settings/tokens")


@dataclass(frozen=True, slots=True)
class Row:
    """One cause: when it applies, and the class, code, message and hint of the error."""

    applies: Callable[[Failure], bool]
    kind: type[MlxConvertError]
    code: str
    message: str
    hint: str
    remedies: Remedies = ()
