"""An adapter as a decoder: it shows the tensors that it changes as they are with it, by rows, in float32 between."""

from __future__ import annotations

import hashlib
from functools import cached_property
from math import prod
from typing import Any

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
    """Fuses ``adapter``. Implements TensorDecoder; it is asked after all others, for it changes what they show."""

    last = True

    def __init__(self, adapter: Adapter) -> None:
        weights = adapter.folder / adapter.files[1]
        state = (adapter.revision, stamp_of(weights) if not adapter.revision and weights.exists() else None)
        made_from = repr((state, sorted(adapter.config.items()), adapter.tensors))
        self.name = f"adapter {hashlib.sha256(made_from.encode()).hexdigest()[:16]}"
        self._adapter = adapter
        self._changes: dict[str, Change] = {}
        self._held: tuple[str, _Numbers] | None = None

    @property
    def memory(self) -> int:
        """Bytes that are held while the tensor that takes most of them is read."""
        return 3 * max((change.held_bytes for change in self._changes.values()), default=0)  # stored, cast, turned

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder: the tensors that it changes. Whatever it has that finds no place refuses it."""
        try:
            shown = self._shown(model)
        except Misfit as misfit:
            return Claims(findings=(refused(self._adapter, misfit.code, str(misfit)),))
        other = of_another_base(self._adapter, model)
        told: tuple[Finding, ...] = (said(self._adapter, model, self._changes.values()),)
        return Claims(tensors=shown, findings=told + ((other,) if other is not None else ()))

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """See TensorDecoder."""
        if self._held is None or self._held[0] != tensor.name:
            self._held = (tensor.name, _Numbers(self._changes[tensor.name], self._files, tensor, stored))
        return self._held[1].rows(start, stop, stored)

    def _shown(self, model: ModelInfo) -> tuple[DecodedTensor, ...]:
        named = {tensor.name: tensor for tensor in model.tensors}
        found, unmatched = {}, []
        source = peft if "peft_type" in self._adapter.config else of_mlx
        for wanted, change in source.changes_of(self._adapter).items():
            name = found_in(named, wanted)
            if name:
                found[name] = change
            else:
                unmatched += [tensor.name for tensor in change.tensors]
        if unmatched:
            more = f" and {len(unmatched) - 3} more" if len(unmatched) > 3 else ""
            raise Misfit(
                code="adapter_unmatched", told=f"{', '.join(unmatched[:3])}{more} have no place in {model.name}"
            )
        if not found:
            raise Misfit(code="adapter_unmatched", told="it changes nothing")
        self._changes = found
        return tuple(_shown(named[name], change) for name, change in found.items())

    @cached_property
    def _files(self) -> StoredTensors:
        from mlx_convert_engine.source_files import SourceFiles

        return _Weights(SourceFiles(Checkpoint(self._adapter.folder), self._adapter.tensors, lambda: None))


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


class _Numbers:
    """One tensor with its change, whose factors are read once."""

    def __init__(self, change: Change, adapter: StoredTensors, tensor: DecodedTensor, stored: StoredTensors) -> None:
        self._change = change
        self._adapter = adapter
        self._base = tensor.parts[0]
        self._width = tensor.shape[-1]
        self._rows = prod(tensor.shape[:-1])
        self._left = self._factor(change.left)
        self._right = self._factor(change.right)
        self._lengths = None if change.magnitudes is None else self._whole(change.magnitudes).reshape(-1)
        self._words = None if change.words is None else self._whole(change.words)
        if self._lengths is not None and change.along == "columns":
            self._lengths = self._lengths / self._columns(stored)

    def rows(self, start: int, stop: int, stored: StoredTensors) -> Any:
        """Rows with the change, in float32."""
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
        values = self._read(new, start, stop, self._adapter) if new is not None else None
        if values is None:
            values = self._read(self._base, start, stop, stored)
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

    def _read(self, tensor: TensorInfo, start: int, stop: int, source: StoredTensors) -> Any:
        import mlx.core as mx

        row = tensor.nbytes // max(1, tensor.parameters) * self._width
        values = array_of(tensor.dtype, source.read(tensor, start * row, stop * row))
        return values.astype(mx.float32).reshape(stop - start, self._width)

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


def _shown(base: TensorInfo, change: Change) -> DecodedTensor:
    if base.dtype not in FLOATS:
        raise Misfit(code="adapter_packed", told=f"{base.name} is stored as {base.dtype}, and not as plain numbers")
    for tensor in change.tensors:
        if tensor.dtype not in (*FLOATS, "F64"):
            raise Misfit(code="adapter_misfit", told=f"{tensor.name} is stored as {tensor.dtype}")
    shape = change.shape_of(base)
    return DecodedTensor(name=base.name, dtype=base.dtype, shape=shape, shard=base.shard, parts=(base,), changed=True)
