"""What the Convert form can do about a finding: the button's words, and the change of the form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlx_convert_core.plugin import ChooseOutput, LeaveOut, Remedy, SetOption, UseInstead
from mlx_convert_ui.state.convert_form import Form
from mlx_convert_ui.words import _, plural

# Options of a conversion that the form has a field for.
_FIELDS = {
    **{name: name for name in ("adapter", "bits", "calibration", "dtype", "group_size", "method", "mode", "preset")},
    **{"revision": "revision", "strategy": "strategy", "trust_remote_code": "trust"},
}


def change_of(form: Form, remedy: Remedy) -> tuple[str, Callable[[], None]] | None:
    """The words for a button and the change of ``form``, None for what the form can't do."""
    match remedy:
        case UseInstead(ref=ref, adapter=adapter):
            words = _("Fuse it into {name}", name=ref) if adapter else _("Use {name}", name=ref)
            return words, lambda: _name(form, ref, adapter)
        case ChooseOutput(path=path) if path:
            return _("Name it {name}", name=Path(path).name), lambda: setattr(form, "name", Path(path).name)
        case SetOption(option="trust_remote_code", value=True):
            return _("Allow its code"), lambda: setattr(form, "trust", True)
        case SetOption(option="dequantize", value=True):
            return _("Read its packed layers as plain numbers"), lambda: setattr(form, "dequantize", True)
        case SetOption(option="text_only", value=True):
            return _("Convert only the text model"), lambda: setattr(form, "text_only", True)
        case LeaveOut(option="dequantize"):
            return _("Keep its packed layers"), lambda: setattr(form, "dequantize", False)
        case SetOption(option="verify", value=False):
            return _("Don't try the result"), lambda: setattr(form, "verify", False)
        case SetOption(option=option, value=value) if option in _FIELDS and value is not None:
            return _use(option, str(value)), lambda: setattr(form, _FIELDS[option], value)
        case LeaveOut(option=option) if option in _FIELDS:
            empty = "" if option in ("adapter", "calibration", "revision") else None
            return _leave_out(option), lambda: setattr(form, _FIELDS[option], empty)
    return None


def _use(option: str, value: str) -> str:
    """A button's words: each option has a message of its own, as other languages bend its name."""
    match option:
        case "adapter":
            return _("Use the adapter {value}", value=value)
        case "bits":
            return plural("Use {count:,} bit", "Use {count:,} bits", int(value))
        case "group_size":
            return _("Use a group size of {value}", value=value)
        case "mode":
            return _("Use the mode {value}", value=value)
        case "revision":
            return _("Use the revision {value}", value=value)
        case "strategy":
            return _("Use the strategy {value}", value=value)
        case "method":
            return _("Use the rounding {value}", value=value)
    return _("Use {name}", name=value)


def _leave_out(option: str) -> str:
    match option:
        case "adapter":
            return _("Use no adapter")
        case "calibration":
            return _("Use the text that comes with the app")
        case "revision":
            return _("Use the newest revision")
        case "bits":
            return _("Use the preset's bits")
        case "group_size":
            return _("Use the preset's group size")
        case "mode":
            return _("Use the preset's mode")
        case "strategy":
            return _("Use the preset's strategy")
        case "method":
            return _("Use the preset's rounding")
        case "dtype":
            return _("Use the preset's number type")
    return _("Use the preset's value")


def _name(form: Form, ref: str, adapter: str) -> None:
    form.ref, form.adapter = ref, adapter or form.adapter
