"""What the Convert form can do about a finding: the button's words, and the change of the form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlx_convert_core.plugin import ChooseOutput, LeaveOut, Remedy, SetOption, UseInstead
from mlx_convert_ui.state.convert_form import Form

# Options of a conversion that the form has a field for: its name, and what the field is called on the page.
_FIELDS = {
    "adapter": ("adapter", "adapter"),
    "bits": ("bits", "bits"),
    "calibration": ("calibration", "calibration text"),
    "dtype": ("dtype", "type"),
    "group_size": ("group_size", "group size"),
    "method": ("method", "rounding"),
    "mode": ("mode", "mode"),
    "preset": ("preset", ""),
    "revision": ("revision", "revision"),
    "strategy": ("strategy", "strategy"),
    "trust_remote_code": ("trust", ""),
}


def change_of(form: Form, remedy: Remedy) -> tuple[str, Callable[[], None]] | None:
    """The words for a button and the change of ``form``, None for what the form can't do."""
    match remedy:
        case UseInstead(ref=ref, adapter=adapter):
            words = f"Fuse it into {ref}" if adapter else f"Use {ref}"
            return words, lambda: _name(form, ref, adapter)
        case ChooseOutput(path=path) if path:
            return f"Name it {Path(path).name}", lambda: setattr(form, "name", Path(path).name)
        case SetOption(option="trust_remote_code", value=True):
            return "Allow its code", lambda: setattr(form, "trust", True)
        case SetOption(option="dequantize", value=True):
            return "Make them plain numbers first", lambda: setattr(form, "dequantize", True)
        case SetOption(option="text_only", value=True):
            return "Convert the text model alone", lambda: setattr(form, "text_only", True)
        case LeaveOut(option="dequantize"):
            return "Keep its packed layers", lambda: setattr(form, "dequantize", False)
        case SetOption(option="verify", value=False):
            return "Don't try the result", lambda: setattr(form, "verify", False)
        case SetOption(option=option, value=value) if option in _FIELDS and value is not None:
            field, words = _FIELDS[option]
            return " ".join(filter(None, ["Use", words, str(value)])), lambda: setattr(form, field, value)
        case LeaveOut(option=option) if option in _FIELDS:
            field, words = _FIELDS[option]
            empty = "" if field in ("adapter", "calibration", "revision") else None
            return f"Leave the {words} out", lambda: setattr(form, field, empty)
    return None


def _name(form: Form, ref: str, adapter: str) -> None:
    form.ref, form.adapter = ref, adapter or form.adapter
