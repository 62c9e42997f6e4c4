"""Adapters as a decoder: it shows the tensors that they change as they are with them, by rows, in float32 between."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any, Protocol

from mlx_convert_core.plugin import (
    Adapter,
    Checkpoint,
    Claims,
    DecodedTensor,
    Finding,
    ModelInfo,
    StoredTensors,
    TensorInfo,
    dtypes,
    stamp_of,
)
from mlx_convert_engine.adapters import of_mlx, peft
from mlx_convert_engine.adapters.changes import Change, Factor, Misfit, found_in
from mlx_convert_engine.adapters.findings import of_another_base, refused, said
from mlx_convert_engine.stored_types import array_of

FLOATS = tuple(dtypes.STORED.values())
PASS_BYTES = 8 << 20  # of a tensor that is gone through for the lengths of its columns


class AdapterDecoder:
    """Fuses ``adapters``, in this order and with one rounding after all of them.

    Implements TensorDecoder; it is asked after all others, for it changes what they show.
    """

    last = True

    def __init__(self, adapters: Sequence[Adapter]) -> None:
        made_from = repr([_state(adapter) for adapter in adapters])
        self.name = f"adapter {hashlib.sha256(made_from.encode()).hexdigest()[:16]}"
        self._adapters = tuple(adapters)
        self._changes: dict[str, list[tuple[Adapter, Change]]] = {}
        self._held: tuple[str, Rows] | None = None

    @property
    def memory(self) -> int:
        """Bytes that are held while the tensor that takes most of them is read."""
        held = (sum(change.held_bytes for _, change in changes) for changes in self._changes.values())
        return 3 * max(held, default=0)  # stored, cast, turned

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder: the tensors that they change. Whatever one has that finds no place refuses it."""
        named = {tensor.name: tensor for tensor in model.tensors}
        shown: dict[str, DecodedTensor] = {}
        findings: list[Finding] = []
        self._changes = {}
        for adapter in self._adapters:
            try:
                found = _places(adapter, model, named)
                for name, change in found.items():
                    shown[name] = _shown(named[name], shown.get(name), change)
                    before = self._changes.setdefault(name, [])
                    _check_apart(name, [one for _, one in before], change)
                    before.append((adapter, change))
            except Misfit as misfit:
                return Claims(findings=(refused(adapter, misfit.code, str(misfit)),))
            other = of_another_base(adapter, model)
            findings += [said(adapter, model, found.values()), *((other,) if other is not None else ())]
        return Claims(tensors=tuple(shown.values()), findings=tuple(findings))

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """See TensorDecoder."""
        if self._held is None or self._held[0] != tensor.name:
            numbers: Rows = _Stored(tensor)
            for adapter, change in self._changes[tensor.name]:
                numbers = _Changed(numbers, change, self._files(adapter), tensor, stored)
            self._held = (tensor.name, numbers)
        return self._held[1].rows(start, stop, stored)

    def _files(self, adapter: Adapter) -> StoredTensors:
        from mlx_convert_engine.source_files import SourceFiles

        return _Weights(SourceFiles(Checkpoint(adapter.folder), adapter.tensors, lambda: None))


def _state(adapter: Adapter) -> Any:
    """What tells one state of an adapter from another."""
    weights = adapter.folder / adapter.files[1]
    stamp = stamp_of(weights) if not adapter.revision and weights.exists() else None
    return (adapter.revision, stamp), sorted(adapter.config.items()), adapter.tensors


def _places(adapter: Adapter, model: ModelInfo, named: Mapping[str, TensorInfo]) -> dict[str, Change]:
    """What ``adapter`` changes of ``model``, by the names of its tensors. Raises Misfit."""
    found, unmatched = {}, []
    source = peft if "peft_type" in adapter.config else of_mlx
    for wanted, change in source.changes_of(adapter).items():
        name = found_in(named, wanted)
        if name:
            found[name] = change
        else:
            unmatched += [tensor.name for tensor in change.tensors]
    if unmatched:
        more = f" and {len(unmatched) - 3} more" if len(unmatched) > 3 else ""
        raise Misfit(code="adapter_unmatched", told=f"{', '.join(unmatched[:3])}{more} have no place in {model.name}")
    if not found:
        raise Misfit(code="adapter_unmatched", told="it changes nothing")
    return found


def _check_apart(name: str, before: Iterable[Change], change: Change) -> None:
    """Raise Misfit where ``change`` would put something in the place of what an adapter before it has changed."""
    for one in before:
        if change.new is not None or not set(change.at).isdisjoint(one.at):
            raise Misfit(
                code="adapter_misfit",
                told=f"it replaces {name}, which an adapter before it changes: only one of the two would count",
            )


class Rows(Protocol):
    """A tensor's numbers, by rows."""

    def rows(self, start: int, stop: int, stored: StoredTensors) -> Any:
        """Rows in float32."""


class _Weights:
    """The adapter's own tensors. Implements StoredTensors."""

    def __init__(self, files: Any) -> None:
        self._files = files

    def read(self, tensor: TensorInfo, start: int, stop: int) -> memoryview:
        """See StoredTensors."""
        data = memoryview(bytearray(stop - start))
        with self._files:  # closed again, and looked at: nobody says when the last tensor was read
            self._files.read(tensor, start, data)
        return data


class _Stored:
    """A tensor as it is without adapters. Implements Rows."""

    def __init__(self, tensor: DecodedTensor) -> None:
        self._base = tensor.parts[0]
        self._width = tensor.shape[-1]

    def rows(self, start: int, stop: int, stored: StoredTensors) -> Any:
        """See Rows."""
        return _read(self._base, start, stop, self._width, stored)


class _Changed:
    """A tensor with one more change, whose factors are read once. Implements Rows."""

    def __init__(
        self, before: Rows, change: Change, adapter: StoredTensors, tensor: DecodedTensor, stored: StoredTensors
    ) -> None:
        self._before = before
        self._change = change
        self._adapter = adapter
        self._width = tensor.shape[-1]
        self._rows = prod(tensor.shape[:-1])
        self._left = self._factor(change.left)
        self._right = self._factor(change.right)
        self._lengths = None if change.magnitudes is None else self._whole(change.magnitudes).reshape(-1)
        self._words = None if change.words is None else self._whole(change.words)
        if self._lengths is not None and change.along == "columns":
            self._lengths = self._lengths / self._columns(stored)

    def rows(self, start: int, stop: int, stored: StoredTensors) -> Any:
        """See Rows."""
        import mlx.core as mx

        values = self._changed(start, stop, stored)
        if self._lengths is None:
            return values
        if self._change.along == "columns":
            return values * self._lengths
        return values * (self._lengths[start:stop] / mx.linalg.norm(values, axis=1))[:, None]

    def _changed(self, start: int, stop: int, stored: StoredTensors) -> Any:
        """Rows before their lengths are set."""
        import mlx.core as mx

        new = self._change.new
        values = None if new is None else _read(new, start, stop, self._width, self._adapter)
        if values is None:
            values = self._before.rows(start, stop, stored)
        if self._left is not None:
            values = values + self._change.scale * (self._left[start:stop] @ self._right)
        for index, row in enumerate(self._change.at):
            if start <= row < stop:
                values[row - start] = self._words[index]
        mx.eval(values)
        return values

    def _columns(self, stored: StoredTensors) -> Any:
        """The length of each column, which takes the whole tensor."""
        import mlx.core as mx

        step, sums = max(1, PASS_BYTES // (4 * self._width)), mx.zeros(self._width)
        for start in range(0, self._rows, step):
            sums = sums + mx.square(self._changed(start, min(start + step, self._rows), stored)).sum(axis=0)
            mx.eval(sums)
        return mx.sqrt(sums)

    def _whole(self, tensor: TensorInfo) -> Any:
        import mlx.core as mx

        values = array_of(tensor.dtype, self._adapter.read(tensor, 0, tensor.nbytes))
        return values.astype(mx.float32).reshape(tensor.shape)

    def _factor(self, factor: Factor | None) -> Any:
        import mlx.core as mx

        if factor is None:
            return None
        values = self._whole(factor.tensor)
        values = mx.contiguous(values.T) if factor.turned else values
        mx.eval(values)
        return values


def _read(tensor: TensorInfo, start: int, stop: int, width: int, source: StoredTensors) -> Any:
    """Rows of what is stored, in float32."""
    import mlx.core as mx

    row = tensor.nbytes // max(1, tensor.parameters) * width
    values = array_of(tensor.dtype, source.read(tensor, start * row, stop * row))
    return values.astype(mx.float32).reshape(stop - start, width)


def _shown(base: TensorInfo, before: TensorInfo | None, change: Change) -> DecodedTensor:
    """``base`` with one more change; ``before`` is what it is with those before."""
    if base.dtype not in FLOATS:
        raise Misfit(code="adapter_packed", told=f"{base.name} is stored as {base.dtype}, and not as plain numbers")
    for tensor in change.tensors:
        if tensor.dtype not in (*FLOATS, "F64"):
            raise Misfit(code="adapter_misfit", told=f"{tensor.name} is stored as {tensor.dtype}")
    shape = change.shape_of(before or base)
    return DecodedTensor(name=base.name, dtype=base.dtype, shape=shape, shard=base.shard, parts=(base,), changed=True)
