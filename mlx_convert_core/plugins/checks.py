"""What a check of a converted model is handed and gives back; `register_checks` offers checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mlx_convert_core.plugins.interfaces import ModelRunner, Reporter

if TYPE_CHECKING:
    from mlx_convert_core.model.findings import Finding
    from mlx_convert_core.model.plan import ConvertPlan
    from mlx_convert_core.model.requests import GenerateRequest
    from mlx_convert_core.model.results import GenerateResult


class TimeIsUp(Exception):
    """Raised into an answer that takes longer than a check may."""


@runtime_checkable
class TextRunner(ModelRunner, Protocol):
    """A runner whose tokenizer can be asked, once it is loaded."""

    def encode(self, text: str) -> Sequence[int]:
        """The tokens of ``text``, with no special ones around it."""

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of ``tokens``."""

    def ends(self) -> frozenset[int]:
        """The tokens that end an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedModel:
    """A model that was just written and has been loaded, for a check to look at.

    It lies in ``folder``, which is not to be written in, was made from the checkpoint in ``source``, and is the only
    output in ``plan``. ``runner`` is the loaded model.
    """

    plan: ConvertPlan
    folder: Path
    source: Path
    runner: ModelRunner
    report: Reporter

    def answer(self, request: GenerateRequest, *processors: Any) -> GenerateResult | None:
        """The model's answer; None when the time of a check ended it.

        ``processors`` see the logits of each token, as those of `GenerationExtras` do, if the runner takes any. Raises
        what the runner raises.
        """
        from mlx_convert_core.model.requests import GenerationExtras

        extras = (GenerationExtras(logits_processors=processors),) if processors else ()
        try:
            return self.runner.generate(request, extras, self.report)
        except TimeIsUp:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check saw: ``facts`` that are right, in words that can follow "Verified:", and ``findings``.

    With a finding of any level the model does not count as verified; an error finding refuses it.
    """

    facts: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheck:
    """A look at every converted model before it is published; ``check`` gives None for a model that is not its kind.

    It runs in the worker, with the model loaded; an answer that it asks for has a few seconds.
    """

    name: str
    summary: str
    check: Callable[[TriedModel], Verdict | None]
