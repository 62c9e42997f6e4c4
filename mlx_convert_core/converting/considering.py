"""Look at a model from all sides before anything of it is fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from mlx_convert_core.base import units
from mlx_convert_core.converting.getting import is_mlx
from mlx_convert_core.converting.places import examine_output
from mlx_convert_core.converting.searching import SearchHit
from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.errors import MlxConvertError
from mlx_convert_core.model.config_file import context_length
from mlx_convert_core.model.considered import SourceAbout
from mlx_convert_core.model.findings import Finding, finding_of
from mlx_convert_core.model.fit import Fit, fit
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan

T = TypeVar("T")
FactName = Literal[
    "architecture", "parameters", "weights", "context", "licence", "made from", "downloads", "likes", "updated",
    "commit", "to download",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDetails:
    """A model that may be converted. ``findings`` are of the model, not of a place to write to; one that is an error
    refuses it. ``outputs`` are what the usual presets would make of it, as estimated, () when it is refused.

    ``ready`` says that it is in MLX's format: it answers as it is. ``published`` is what others have made of exactly
    this model. ``troubles`` say what could not be asked.
    """

    model: ModelInfo
    about: SourceAbout = field(default_factory=SourceAbout)
    ready: bool = False
    outputs: tuple[OutputPlan, ...] = ()
    published: tuple[SearchHit, ...] = ()
    findings: tuple[Finding, ...] = ()
    troubles: tuple[Finding, ...] = ()

    @property
    def refused(self) -> Finding | None:
        """Why it can't be converted, None when it can."""
        return next((finding for finding in self.findings if finding.level == "error"), None)

    @property
    def licence(self) -> str:
        """The licence that its card or its list names, "" for none."""
        named = self.model.card.get("license")
        return named if isinstance(named, str) else self.about.found.licence if self.about.found else ""

    @property
    def base_models(self) -> tuple[str, ...]:
        """What its card says that it was made from."""
        named = self.model.card.get("base_model") or ()
        return (named,) if isinstance(named, str) else tuple(name for name in named if isinstance(name, str))

    @property
    def context(self) -> int:
        """The tokens that it was made for at most, 0 when config.json does not say."""
        return context_length(self.model.config)

    def facts(self) -> Iterator[tuple[FactName, str]]:
        """What there is to know of it before deciding, as far as it is known; ``updated`` as an ISO 8601 time."""
        model, told = self.model, self.about.found
        known: dict[FactName, str] = {
            "architecture": model.model_type,
            # packed numbers are none of its parameters
            "parameters": units.count(model.parameters) if model.parameters and not self.ready else "",
            "weights": f"{units.size(model.weight_bytes)}, {model.dtype}" if model.weight_bytes else "",
            "context": f"{self.context:,} tokens" if self.context else "",
            "licence": self.licence,
            "made from": ", ".join(self.base_models),
            "downloads": units.count(told.downloads) if told and told.downloads is not None else "",
            "likes": units.count(told.likes) if told and told.likes is not None else "",
            "updated": told.updated if told else "",
            "commit": model.revision or "",
            "to download": units.size(model.fetch_bytes) if model.fetch_bytes else "",
        }
        return ((name, value) for name, value in known.items() if value)

    def fit(self, output: OutputPlan | None = None) -> Fit:
        """Whether this machine has the memory to answer with ``output``, or with the model as it is."""
        return fit(output.weight_bytes if output is not None else self.model.weight_bytes, self.model.config)


def considered(
    plan: ConvertPlan, sources: Sources, published: Callable[[ModelInfo], tuple[SearchHit, ...]]
) -> SourceDetails:
    """The model of ``plan``, which says what the usual presets make of it, with what its source tells of it besides.

    What that can't be asked for stands in the ``troubles``.
    """
    troubles: dict[str, Finding] = {}

    def asked(question: Callable[[ModelInfo], T], otherwise: T) -> T:
        try:
            return question(plan.model)
        except MlxConvertError as error:
            troubles.setdefault(error.code, finding_of(error))
            return otherwise

    elsewhere = {finding.code for finding in examine_output(plan)}  # where to is not asked yet
    return SourceDetails(
        model=plan.model,
        about=asked(sources.about, SourceAbout()),
        ready=is_mlx(plan.model) and bool(plan.model.tensors),
        outputs=plan.outputs if plan.converter else (),
        published=asked(published, ()),
        findings=tuple(finding for finding in plan.findings if finding.code not in elsewhere),
        troubles=tuple(troubles.values()),
    )
