"""Packed layers proved by numbers: what a model class makes of them is what their format defines.

A class renames, stacks, splits and repacks what it is given, and a wrong guess about a layout gives noise, or a model
that is a little worse. So of each kind of layer one is computed, and a few of its rows are compared with rows of the
source, wherever the class may have put them. Layers of a kind differ by numbers in their names alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import DecodedModel, Quantization, SetOption, UnsupportedModel, packed_tensors
from mlx_convert_engine.packed_formats import Packed, packed_weights
from mlx_convert_engine.repacked import repacked_weights
from mlx_convert_engine.source_files import SourceFiles

TOLERANCE = 0.02  # of the largest in a row: AWQ's zeros times scales are rounded to float16, its steps are 1/15 apart
BLOCK_ROWS = 1024  # expanded at once in looking for a row
_BY_ROW = ("weight", "scales", "biases")
PARTS = (*_BY_ROW, "global_scale")  # of a layer that MLX has quantized
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
_MOST_SAID = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A layer that keeps the bits of its source: unread ``arrays`` by their last names, made of ``sources``.

    Without a ``quantization`` its class computes the numbers themselves, perhaps from what is packed.
    """

    path: str
    arrays: Mapping[str, Any]
    sources: frozenset[str]
    quantization: Quantization | None

    @property
    def kind(self) -> str:
        """What the layer is called, wherever it stands, and its numbers."""
        return f"{_NUMBER.sub('#', self.path)} {self.quantization}"


class Proof:
    """Proves the carried layers of the model that ``seen`` shows, one of each kind."""

    def __init__(self, seen: DecodedModel, source: SourceFiles) -> None:
        self._model = model = seen.model
        self._source = source
        self._weights: dict[str, Packed] = {**packed_weights(model.tensors), **repacked_weights(seen)}
        self._shards = {tensor.name: tensor.shard for tensor in model.tensors}
        self._proved: set[str] = set()

    @property
    def needed(self) -> bool:
        """Whether anything in the model is packed."""
        return bool(packed_tensors(self._model.tensors))

    def wanted(self, carried: Iterable[Carried], here: Collection[str] | None = None) -> list[Carried]:
        """The first layer of each kind that is not proved yet, of those in the weight files ``here`` (None: all)."""
        first: dict[str, Carried] = {}
        for layer in carried:
            expanded = layer.quantization is None
            if expanded and self._weights.keys().isdisjoint(layer.sources):
                continue
            if layer.kind not in self._proved and (here is None or self.shards([layer]) <= set(here)):
                first.setdefault(layer.kind, layer)
        return list(first.values())

    def shards(self, layers: Iterable[Carried]) -> set[str]:
        """The weight files that ``layers`` are made of."""
        return {self._shards[name] for layer in layers for name in self.sources(layer)}

    def prove(self, layer: Carried) -> None:
        """Compute and compare a layer.

        Raises UnsupportedModel (code ``packed_differs``) for one with other numbers, or whose format is not known here.
        """
        self._compare(layer)
        self._proved.add(layer.kind)

    def sources(self, layer: Carried) -> frozenset[str]:
        """What a layer may be made of: all that is packed, where that isn't known, as of a model's own class."""
        return layer.sources or frozenset(self._weights)

    def _compare(self, layer: Carried) -> None:
        sources = sorted(self.sources(layer), key=_natural)
        weights = [self._weights[name] for name in sources if name in self._weights]
        if not weights:
            packed = next(iter(sources), layer.path)
            raise self._refusal(
                f"{packed} is packed in a layout that is not known here, so {layer.path} can't be proved"
            )
        values = _Values(layer)
        for row in sorted({0, values.rows // 2 + 1, values.rows - 1}):
            if row < values.rows:
                self._compare_row(layer, values, min(row, values.rows - 1), weights)

    def _compare_row(self, layer: Carried, values: _Values, row: int, weights: list[Packed]) -> None:
        import numpy as np

        found = np.nan_to_num(values.row(row))
        expected = None
        for numbers in _candidates(weights, self._source, row, values):
            if numbers.shape[1] != len(found):
                continue
            expected = numbers[0] if expected is None else expected
            numbers = np.where(np.isfinite(numbers), numbers, found)  # what is no number is not for us to judge
            limit = TOLERANCE * np.abs(numbers).max(axis=1, keepdims=True)
            if (np.abs(numbers - found) <= limit).all(axis=1).any():
                return
        form = weights[0].form
        told = f"mlx-lm's class makes other numbers of {layer.path} than {form} defines"
        raise self._refusal(told + (f": {_difference(found, expected)}" if expected is not None else ""))

    def _refusal(self, told: str) -> UnsupportedModel:
        return UnsupportedModel(
            f"{self._model.name} can't be carried over: {told}.",
            hint="Have plain numbers made of what is packed, or convert the original model.",
            remedies=(SetOption("dequantize", True),),
            code="packed_differs",
        )


class _Values:
    """What a carried layer is worth, a row at a time, by MLX's own definition."""

    def __init__(self, layer: Carried) -> None:
        import mlx.core as mx

        arrays = {name: array for name, array in layer.arrays.items() if hasattr(array, "shape")}
        mx.eval(list(arrays.values()))
        self._numbers = layer.quantization
        self._per_matrix = arrays["weight"].shape[-2]
        flat = {name: array.reshape(-1, array.shape[-1]) for name, array in arrays.items() if name in _BY_ROW}
        self._weight, self._scales, self._biases = (flat.get(name) for name in ("weight", "scales", "biases"))
        self._global = arrays.get("global_scale")
        self.rows = self._weight.shape[0]
        self.matrices = self.rows // self._per_matrix

    def row(self, index: int) -> Any:
        """One row as float32 in numpy."""
        import mlx.core as mx
        import numpy as np

        numbers, biases = self._numbers, self._biases
        if numbers is None:
            return np.array(self._weight[index].astype(mx.float32))
        values = mx.dequantize(
            self._weight[index : index + 1],
            self._scales[index : index + 1],
            biases[index : index + 1] if biases is not None else None,
            group_size=numbers.group_size,
            bits=numbers.bits,
            mode=numbers.mode,
        ).astype(mx.float32)
        if self._global is not None:  # of the largest values of E2M1 and E4M3, as mlx quantizes with one
            factors = self._global.reshape(-1)
            factor = factors[index // self._per_matrix] if factors.size > 1 else factors[0]
            values = values * (factor.astype(mx.float32) / (6 * 448))
        return np.array(values)[0]


def _candidates(weights: list[Packed], source: SourceFiles, row: int, values: _Values) -> Iterator[Any]:
    """Rows of the source that may be ``row`` of the result: that at the same place first, then all that may have moved
    there, which are those of the same expert where both are stacks of as many."""
    matrices = [(weight, index) for weight in weights for index in range(weight.matrices)]
    total = sum(weight.rows for weight, _ in matrices)
    if total == values.rows:
        before = 0
        for weight, index in matrices:
            if before <= row < before + weight.rows:
                yield weight.numbers(source, index * weight.rows + row - before, 1)
            before += weight.rows
    if len(matrices) % values.matrices == 0:  # one stack, or several that are joined in each expert
        own = row * values.matrices // values.rows
        each = len(matrices) // values.matrices
        matrices = matrices[own :: values.matrices] if _are_stacks(weights) else matrices[own * each : (own + 1) * each]
    for weight, index in matrices:
        for first in range(0, weight.rows, BLOCK_ROWS):
            yield weight.numbers(source, index * weight.rows + first, min(BLOCK_ROWS, weight.rows - first))


def _are_stacks(weights: list[Packed]) -> bool:
    return any(weight.matrices > 1 for weight in weights)


def _difference(found: Any, expected: Any) -> str:
    """How two rows differ, in words: by one factor, or by their first numbers."""
    import numpy as np

    known = np.abs(expected) > TOLERANCE * np.abs(expected).max()
    factors = found[known] / expected[known]
    if known.any() and np.ptp(factors) <= 2 * TOLERANCE * np.abs(factors).max() and abs(factors[0]) > 0:
        return f"each is {factors.mean():.4g} times what it should be, as when a scale for the whole weight is left out"
    mine, theirs = (", ".join(f"{value:.4g}" for value in row[:_MOST_SAID]) for row in (found, expected))
    return f"a row begins with {mine}, where the format defines {theirs}"


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which names are sorted with their numbers as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
