"""Next steps of a conversion that failed which a page can take at once: the same request with an option set."""

from __future__ import annotations

from dataclasses import replace

from mlx_convert_core import ConvertRequest
from mlx_convert_core.plugin import Remedy, SetOption
from mlx_convert_ui.words import _


def agreed(remedy: Remedy, request: ConvertRequest) -> tuple[str, ConvertRequest] | None:
    """A button's words and the request that it makes; None when the step is another, or only a person knows a value."""
    match remedy:
        case SetOption(option="text_only", value=True):
            return _("Convert only the text model"), replace(request, text_only=True)
        case SetOption(option="dequantize", value=True):
            return _("Read its packed layers as plain numbers"), replace(request, dequantize=True)
        case SetOption(option="allow_overflow", value=True):
            return _("Convert it all the same"), replace(request, allow_overflow=True)
        case SetOption(option="dtype", value=str(dtype)):
            return _("Convert with {dtype}", dtype=dtype), replace(request, dtype=dtype)  # type: ignore[arg-type]
    return None
