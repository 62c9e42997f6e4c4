"""What a result lacks of its source, as findings: lost abilities are told, and losing the senses is agreed to first."""

from __future__ import annotations

from collections.abc import Iterator

from mlx_convert_core.base.installing import install_command
from mlx_convert_core.base.paths import in_text
from mlx_convert_core.converting.model_senses import WHOLE
from mlx_convert_core.model.findings import Finding, Level
from mlx_convert_core.model.left_out import KINDS, Effect, LeftOut
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.remedies import RunElsewhere, SetOption
from mlx_convert_core.writing.sidecars import SENSES

HINT = (
    f"The plugin {WHOLE} converts the whole model. If its text model is all that you want, say that text only is"
    " enough."
)


def losses(plan: ConvertPlan) -> Iterator[Finding]:
    """Findings about what no output of an exact ``plan`` holds. All outputs are made of the same tensors."""
    output = plan.outputs[0]
    senses = _with(output.left_out, "sense")
    if output.text_only and plan.model.matching(*SENSES):  # without one of these nobody can give it a picture as it is
        yield _text_only(plan, senses)
    elif senses:
        yield _lost(plan, senses, f"it takes no {_what(senses)}")
    for part in _with(output.left_out, "ability"):
        yield _lost(plan, (part,), KINDS[part.kind].loss)
    for part in _with(output.left_out, "unknown"):
        yield Finding(
            code="left_out_unknown",
            level="warning",
            message=f"not in the result: {part.words}: {_examples(part)}.",
            hint="Compare with the model's page, and try the result before you rely on it.",
        )
    harmless = _with(output.left_out, "none")
    if harmless:
        told = "; ".join(part.words for part in harmless)
        yield Finding(
            code="left_out_harmless",
            level="info",
            message=f"not in the result, which loses nothing by it: {told}.",
        )


def _text_only(plan: ConvertPlan, senses: tuple[LeftOut, ...]) -> Finding:
    agreed = plan.request.text_only
    level: Level = "warning" if agreed else "error"
    parts = " and ".join(part.words for part in senses)
    return Finding(
        code="text_only",
        level=level,
        message=f"{plan.model.name} takes {_what(senses)} besides text; the result takes text only: {parts} "
        f"{'is' if len(senses) == 1 else 'are'} left out.",
        hint="" if agreed else HINT,
        remedies=() if agreed else (SetOption("text_only", True), RunElsewhere(install_command(WHOLE))),
    )


def _lost(plan: ConvertPlan, parts: tuple[LeftOut, ...], loss: str) -> Finding:
    told = " and ".join(f"{part.words}, such as {_examples(part)}" for part in parts)
    return Finding(
        code="left_out",
        level="warning",
        message=f"{plan.model.name} has more than the result: {told}. Without it, {loss}.",
    )


def _with(left_out: tuple[LeftOut, ...], effect: Effect) -> tuple[LeftOut, ...]:
    return tuple(part for part in left_out if part.effect == effect)


def _what(senses: tuple[LeftOut, ...]) -> str:
    """``pictures and sound``."""
    return " and ".join(filter(None, (KINDS[part.kind].loss for part in senses))) or "pictures"


def _examples(part: LeftOut) -> str:
    more = "" if part.tensors <= len(part.examples) else " …"
    return ", ".join(in_text(name) for name in part.examples) + more
