"""Find a model by words: what the sources know of, with a verdict, a size and whether that fits, before any look."""

from __future__ import annotations

from dataclasses import dataclass

from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.errors import MlxConvertError
from mlx_convert_core.model.findings import Finding, finding_of
from mlx_convert_core.model.fit import Fit, fit_into, memory_now
from mlx_convert_core.model.found import FoundModel
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.quantization import Preset
from mlx_convert_core.model.requests import ConvertRequest
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.plugins.source_kinds import JudgingConverter, PublishedSource, SourceKind

MOST_FOUND = 100  # models of one search; nobody reads further, and a source asks for them in one go


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A model that was found, and what can be told of it unseen.

    ``kind`` is the name of its `SourceKind`. ``weight_bytes`` is what its weights take as they would be converted, or
    as they are when it is ready; 0 when nobody can tell. ``refused`` is why its architecture can't be converted;
    None when it can, or when nobody can tell (not ``judged``). ``fit`` says whether this machine has the memory to
    answer with it, None when the size is not known.
    """

    model: FoundModel
    kind: str = ""
    weight_bytes: int = 0
    refused: Finding | None = None
    judged: bool = False
    fit: Fit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What was found, the likeliest first; ``findings`` are of sources that could not be asked."""

    hits: tuple[SearchHit, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def near(self) -> bool:
        """Whether nothing has the words that were searched for, only names like them."""
        return bool(self.hits) and all(hit.model.near for hit in self.hits)


class Search:
    """One search for all sources. ``preset`` is what sizes are told for; None: as the models are stored."""

    def __init__(self, hooks: Hooks, preset: Preset | None) -> None:
        self._hooks = hooks
        self._sources = Sources(hooks)
        self._preset = preset
        self._memory = memory_now()  # once, for all of a list

    def find(self, words: str, limit: int) -> SearchResult:
        """At most ``limit`` models of each source for ``words``, "" for those that are suggested.

        Raises the error of a source that can't be asked, unless another one has found something.
        """
        hits: list[SearchHit] = []
        errors: list[MlxConvertError] = []
        for kind in self._sources.searched:
            try:
                hits += [self.hit(model, kind.name) for model in self._asked(kind, words, min(limit, MOST_FOUND))]
            except MlxConvertError as error:
                errors.append(error)
        if errors and not hits:
            raise errors[0]
        return SearchResult(hits=tuple(hits), findings=tuple(finding_of(error) for error in errors))

    def conversions(self, model: ModelInfo) -> tuple[SearchHit, ...]:
        """What others have published of exactly ``model``, converted; () where its source can't say."""
        source = self._sources.of(model.ref, model.revision)
        if not isinstance(source, PublishedSource):
            return ()
        named = self._sources.read(model.ref).kind
        return tuple(self.hit(found, named) for found in source.conversions(model))

    def _asked(self, kind: SourceKind, words: str, limit: int) -> tuple[FoundModel, ...]:
        try:
            found = tuple(kind.search(words, limit)) if kind.search is not None else ()
            wrong = next((one for one in found if not isinstance(one, FoundModel)), None)
            if wrong is not None:
                raise TypeError(f"search() of '{kind.name}' gave a {type(wrong).__name__}, not a FoundModel")
        except MlxConvertError:
            raise
        except (Exception, SystemExit) as error:
            raise self._sources.fault(kind, error) from error
        return found[:limit]

    def hit(self, model: FoundModel, kind: str = "") -> SearchHit:
        """``model`` with what can be told of it unseen."""
        judged, refused = self._judged(model)
        size = model.bytes_at(self._preset)
        return SearchHit(
            model=model,
            kind=kind,
            weight_bytes=size,
            refused=refused,
            judged=judged,
            fit=fit_into(self._memory, size, model.config) if size else None,
        )

    def _judged(self, model: FoundModel) -> tuple[bool, Finding | None]:
        """Whether a converter has an opinion of the architecture, and what speaks against it."""
        if not model.model_type:
            return False, None
        info = ModelInfo(ref=model.ref, name=model.name, config=model.config)
        asked = ConvertRequest(ref=model.ref)
        plugin, converter = self._hooks.first_named("model_converter", model=info, request=asked)
        if not isinstance(converter, JudgingConverter):
            return False, None
        try:
            return True, converter.judge(info)
        except (Exception, SystemExit) as error:  # of many models in a list the others are still told
            self._hooks.plugins.fail(plugin, f"{type(error).__name__}: {error}", hook="model_converter")
            return False, None
