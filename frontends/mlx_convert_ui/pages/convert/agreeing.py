"""What is asked before a conversion that would replace something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlx_convert_core import ConvertRequest, OutputPlan
from mlx_convert_ui.widgets.dialogs import confirm, decide
from mlx_convert_ui.widgets.replacing import gone_for_good
from mlx_convert_ui.words import _, plural


async def agreed_to(request: ConvertRequest, outputs: Sequence[OutputPlan]) -> ConvertRequest | None:
    """``request``, for ``outputs``, as a person wants it where some of them are there already; None for not at all."""
    there = [output for output in outputs if output.replaces is not None]
    if not there:
        return request
    others = [output for output in outputs if output.replaces is None]
    may_go = [output for output in there if output.replaces is not None and not output.replaces.stays]
    without = (
        replace(
            request,
            preset=tuple(output.preset for output in others),
            output=tuple(str(output.path) for output in others),
        )
        if others
        else request
    )
    if not may_go:
        return without
    if not others:
        sure = await confirm(_title(may_go), _text(may_go), action=_("Replace"))
        return replace(request, force=True) if sure else None
    made = plural("Make the other one", "Make the other {count:,}", len(others))
    answer = await decide(_title(may_go), _text(may_go), action=_("Replace"), other=made)
    return {"action": replace(request, force=True), "other": without}.get(answer)


def _title(outputs: Sequence[OutputPlan]) -> str:
    if len(outputs) == 1:
        return _("Replace {name}?", name=outputs[0].path.name)
    return plural("Replace {count:,} model?", "Replace {count:,} models?", len(outputs))


def _text(outputs: Sequence[OutputPlan]) -> str:
    """What is there, and what becomes of it."""
    listing = "\n".join(f"{output.path}\n{output.replaces.words}" for output in outputs if output.replaces is not None)
    return f"{gone_for_good(len(outputs))}\n{listing}"
