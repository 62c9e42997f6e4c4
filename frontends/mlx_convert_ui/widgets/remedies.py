"""What to do about an error: the next step in words for a page, and a button for it."""

from __future__ import annotations

import re
from collections.abc import Callable

from mlx_convert_core import Finding, MlxConvertError
from mlx_convert_core.plugin import ErrorInfo
from mlx_convert_ui.widgets.components import Tag, address_of, note

SIGN_IN = frozenset({"token_none", "token_bad", "gated_login", "gated_denied", "login_needed", "up_forbidden"})
# The core's hints speak to a terminal; these speak to the page.
_HINTS = {
    "exists": "Replace it, or take another name.",
    "not_replaceable": "Choose another folder, or another name. What is yours in this one can be moved out first.",
    "entry_changed": "Add its folder again, so that the library knows what is in it now.",
    "up_exists": "Replace what is there, or take another name.",
    "not_writable": "Choose a folder that you may write in.",
    "disk": "Free some space, choose fewer bits, or choose a folder on another disk.",
    "nothing_quantized": "Choose a smaller group size under Advanced, or bf16.",
    "custom_code": "Read that code first. Allow it only if you trust its author; for a conversion, under Advanced.",
    "layers_kept": "",
    **dict.fromkeys(("no_model", "entry_missing", "entry_not_found"), "Choose another model, or convert one first."),
    "queue_busy": "It takes what you add here, too.",
}
_LOGIN = re.compile(r"\brun `(?:hf auth login|mlx-convert account sign-in)`", re.IGNORECASE)
_KEPT = re.compile(r"With --resume it goes on where it was\. `mlx-convert doctor --clear` deletes what is kept\.")
_CONVERT = re.compile(r"mlx-convert convert (\S+)$")
_OPTION = re.compile(r" \(--[a-z-]+\)")
_ADDRESS = re.compile(r"https://[\w.-]+(?:/[\w./@-]*[\w/])?")

Trouble = MlxConvertError | ErrorInfo | Finding


def hint_of(trouble: Trouble) -> str:
    """The next step in the page's own words."""
    hint = _HINTS.get(trouble.code, trouble.hint)
    hint = _KEPT.sub("Trying again goes on where it was. What is kept can be deleted under Settings.", hint)
    return _CONVERT.sub(r"\1", _LOGIN.sub("sign in under Settings", _OPTION.sub("", hint)))


def instead_of(trouble: Trouble) -> str:
    """The model that the hint says to convert instead, "" when it names none."""
    named = _CONVERT.search(trouble.hint)
    return named.group(1) if named else ""


def tell(trouble: Trouble, actions: Callable[[], None] | None = None, *, level: str = "error") -> None:
    """A note about ``trouble`` with its next step, buttons for it, and ``actions`` besides."""
    address = _ADDRESS.search(trouble.hint)

    def buttons() -> None:
        if actions is not None:
            actions()
        if trouble.code in SIGN_IN:
            _link("Sign in", address_of("/settings"), "log-in")
        if address is not None:
            _link("Open the page", address.group(), "external-link").props('target=_blank rel="noopener noreferrer"')

    some = actions is not None or trouble.code in SIGN_IN or address is not None
    note(level, trouble.message, hint_of(trouble), buttons if some else None)


def _link(text: str, address: str, icon: str) -> Tag:
    return Tag("a", text, "btn btn-plain btn-small", icon=icon).attribute("href", address).mark("remedy")
