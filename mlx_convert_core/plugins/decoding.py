"""What decodes a stored format: the protocols of the hook `tensor_decoder`, and a model as its decoders show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from mlx_convert_core.model.checkpoint import Checkpoint
from mlx_convert_core.model.decoded import Claims, DecodedTensor
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.safetensors import TensorInfo
from mlx_convert_core.plugins.interfaces import Reporter
from mlx_convert_core.plugins.model_converters import ModelConverter


class StoredTensors(Protocol):
    """The bytes of a source's tensors, for a decoder."""

    def read(self, tensor: TensorInfo, start: int, stop: int) -> memoryview:
        """The bytes of ``tensor`` from ``start`` to ``stop``, little-endian, as they are stored."""


@runtime_checkable
class TensorDecoder(Protocol):
    """Shows tensors of a stored format as plain numbers. Made in the parent as well as in the worker: import lazily.

    It may have a member ``memory``: bytes that it holds at most while it reads; and ``last``, true for one that changes
    what others show and is asked after them.
    """

    name: str

    def claims(self, model: ModelInfo) -> Claims:
        """What of ``model`` it decodes, from config.json and headers alone; what others have claimed is not shown.

        Runs in the parent too, for every source: imports nothing heavy.
        """

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """The rows from ``start`` to ``stop`` of a tensor that it claimed: an array of mlx or numpy.

        A row is what lies along the last axis; all others are counted through. The answer has ``stop - start`` of them,
        in the tensor's dtype or one that is cast to it. Runs in a worker, for some megabytes at a time.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedModel:
    """A model as decoders show it: ``model`` has their tensors in place of those that are ``stored``.

    ``decoders`` are by the names of the tensors that they show; ``unneeded`` are those of stored ones left out.
    ``covered`` are those of tensors that another decoder shows changed.
    """

    stored: ModelInfo
    model: ModelInfo
    decoders: Mapping[str, TensorDecoder] = field(default_factory=dict)
    unneeded: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    covered: Mapping[DecodedTensor, TensorDecoder] = field(default_factory=dict)

    @property
    def readers(self) -> dict[DecodedTensor, TensorDecoder]:
        """The decoder of each tensor that is not stored as it is shown, covered ones among them."""
        shown = (tensor for tensor in self.model.tensors if isinstance(tensor, DecodedTensor))
        return {**self.covered, **{tensor: self.decoders[tensor.name] for tensor in shown}}

    @property
    def memory(self) -> int:
        """Bytes that its decoders hold at most while they read."""
        return sum(getattr(one, "memory", 0) for one in {id(one): one for one in self.decoders.values()}.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Of the decoders that have anything to show."""
        return tuple(sorted({decoder.name for decoder in (*self.decoders.values(), *self.covered.values())}))

    def parts_of(self, names: Iterable[str]) -> frozenset[str]:
        """The stored tensors that the shown ones called ``names`` are made of."""
        wanted = frozenset(names)
        decoded = (tensor for tensor in self.model.tensors if isinstance(tensor, DecodedTensor))
        parts = (part.name for tensor in decoded if tensor.name in wanted for part in tensor.stored)
        return wanted.difference(self.decoders).union(parts)


@runtime_checkable
class DecodingConverter(ModelConverter, Protocol):
    """A converter that reads through decoders; any other one is handed what is stored."""

    def decoding(self, source: DecodedModel) -> DecodingConverter:
        """A converter of ``source.stored`` that reads it as ``source`` shows it."""


@runtime_checkable
class RunnableConverter(DecodingConverter, Protocol):
    """A converter that can also have what it reads through decoders run, which no model class could load as stored."""

    def runnable(
        self, model: ModelInfo, checkpoint: Checkpoint, place: Path, report: Reporter
    ) -> AbstractContextManager[Path]:
        """A folder with what the decoders show of ``model``, for a runner: a copy in the folder ``place``."""


def decoded(model: ModelInfo, decoders: Iterable[TensorDecoder]) -> DecodedModel:
    """``model`` as ``decoders`` show it, asked in this order: each sees what those before it have left."""
    seen, unneeded, findings = model, frozenset[str](), list[Finding]()
    by_name: dict[str, TensorDecoder] = {}
    covered: dict[DecodedTensor, TensorDecoder] = {}
    for decoder in decoders:
        claims = decoder.claims(seen)
        if not (claims.tensors or claims.unneeded or claims.findings):
            continue
        if by_name:  # something is decoded already
            parts = (part for tensor in claims.tensors for part in tensor.parts)
            covered |= {part: by_name.pop(part.name) for part in parts if isinstance(part, DecodedTensor)}
        by_name |= dict.fromkeys([tensor.name for tensor in claims.tensors], decoder)
        unneeded |= set(claims.unneeded)
        findings += claims.findings
        config = seen.config if claims.config is None else claims.config
        seen = replace(seen, config=config, tensors=_in_place(seen.tensors, claims))
    return DecodedModel(
        stored=model, model=seen, decoders=by_name, unneeded=unneeded, findings=tuple(findings), covered=covered
    )


def _in_place(tensors: Iterable[TensorInfo], claims: Claims) -> tuple[TensorInfo, ...]:
    """``tensors`` with each decoded one where its first part was, without its other parts and what nobody needs."""
    shown: dict[str, list[TensorInfo]] = {}
    for made in claims.tensors:
        shown.setdefault(made.parts[0].name, []).append(made)
    gone = {part.name for tensor in claims.tensors for part in tensor.parts[1:]}.union(claims.unneeded)
    found: list[TensorInfo] = []
    for tensor in tensors:
        if tensor.name in shown:
            found += shown[tensor.name]
        elif tensor.name not in gone:
            found.append(tensor)
    return tuple(found)
