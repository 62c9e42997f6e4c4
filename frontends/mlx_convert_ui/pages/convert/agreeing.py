"""What is asked before a conversion that would replace something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlx_convert_core import ConvertRequest, OutputPlan
from mlx_convert_ui.widgets.dialogs import confirm, decide


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
        sure = await confirm(_title(may_go), _text(may_go), action="Replace")
        return replace(request, force=True) if sure else None
    made = f"Make the other {len(others)}" if len(others) > 1 else "Make the other one"
    answer = await decide(_title(may_go), _text(may_go), action="Replace", other=made)
    return {"action": replace(request, force=True), "other": without}.get(answer)


def _title(outputs: Sequence[OutputPlan]) -> str:
    return f"Replace {outputs[0].path.name}?" if len(outputs) == 1 else f"Replace {len(outputs)} models?"


def _text(outputs: Sequence[OutputPlan]) -> str:
    """What is there, and what becomes of it."""
    listing = "\n".join(f"{output.path}\n{output.replaces.words}" for output in outputs if output.replaces is not None)
    return (
        "What is there stays as it is until the new one is complete and checked; then it is deleted for good."
        f"\n{listing}"
    )
