"""The strategy ``fit:this-mac-16k``: the largest model that answers here with a context of so many tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mlx_convert_core.plugin import (
    CONTEXT,
    Fit,
    InvalidRequest,
    ModelInfo,
    ModelSizes,
    Quantization,
    Remedies,
    SetOption,
    context_length,
    units,
)
from mlx_convert_lm.budget import FIT, Budget, affine_only

HERE = FIT + "this-mac"
_TYPED = re.compile(r"(\d{1,9})(k?)", re.IGNORECASE)
_THOUSAND = 1024  # models' contexts are powers of two: 32k are 32,768 tokens


def here_named(name: str, model: ModelInfo, quantization: Quantization) -> Here | None:
    """The strategy called ``name``, None when it is none of these. Raises InvalidRequest (codes ``context``,
    ``context_long``, ``mode``)."""
    if not name.startswith(HERE):
        return None
    affine_only(quantization)
    text = name.removeprefix(HERE).removeprefix("-")
    tokens, most = _tokens(text) if name != HERE else CONTEXT, context_length(model.config)
    if most and tokens > most and text:
        raise InvalidRequest(
            f"{model.name} was made for a context of {most:,} tokens at most, and {tokens:,} were asked for.",
            hint="Ask for as many at most.",
            remedies=(SetOption("strategy", f"{HERE}-{most}"),),
            code="context_long",
        )
    return Here(context=min(tokens, most) if most else tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Here(Budget):
    """What this machine lends besides the cache of ``context`` tokens and what runs beside. Implements HereStrategy."""

    context: int = CONTEXT

    def limit(self, sizes: ModelSizes) -> int:
        """See MeasuredStrategy. Raises InvalidRequest (``budget_small``, ``budget_large``, ``memory_unknown``)."""
        here = sizes.here
        if here is None or here.lent <= 0:
            raise InvalidRequest(
                "how much memory this machine lends a program can't be told.",
                hint="Say how large the result may be.",
                remedies=(SetOption("strategy", FIT + "6GB"),),
                code="memory_unknown",
            )
        if here.room < sizes.least:
            raise InvalidRequest(
                "with 2 bits for every layer that can be quantized, the model takes"
                f" {replace(here, weights=sizes.least).told}; this machine lends {units.size(here.lent)}.",
                hint="Ask for a shorter context, or choose a smaller model.",
                remedies=self._shorter(here, sizes.least),
                code="budget_small",
            )
        if here.room >= sizes.plain:
            raise InvalidRequest(
                "it runs here without quantization: the model takes"
                f" {replace(here, weights=sizes.plain).told}; this machine lends {units.size(here.lent)}.",
                hint="Convert it without.",
                remedies=(SetOption("preset", "bf16"),),
                code="budget_large",
            )
        return here.room

    def settled(self, limit: int) -> str:
        """See HereStrategy."""
        return f"{FIT}{limit}"

    def _shorter(self, here: Fit, least: int) -> Remedies:
        """The context that has room beside the smallest result, in whole thousands; none where not even one has."""
        thousands = self.context * (here.room + here.cache - least) // max(here.cache, 1) // _THOUSAND
        return (SetOption("strategy", f"{HERE}-{thousands}k"),) if thousands > 0 else ()


def _tokens(text: str) -> int:
    """``16k`` or ``16384``."""
    found = _TYPED.fullmatch(text)
    tokens = int(found[1]) * (_THOUSAND if found[2] else 1) if found else 0
    if not tokens:
        raise InvalidRequest(
            f"'{text}' is no number of tokens.",
            hint="A context is a number of tokens such as 16384, or 16k, which is the same.",
            remedies=(SetOption("strategy", f"{HERE}-16k"),),
            code="context",
        )
    return tokens
