"""An output before a weight is read: what becomes of every layer, and what each tensor is made of.

MLX knows the shape and dtype of an array long before it computes it, so the exact plan and the conversion
come from the same objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlx_convert_core.plugin import (
    Accounted,
    KeptLayer,
    OutputPlan,
    Quantization,
    QuantizedLayer,
    QuantizeStrategy,
    TensorInfo,
    UnsupportedModel,
    dtypes,
    file_names,
    layouts,
    split,
)
from mlx_convert_engine.choice import Chooser, quantization_of
from mlx_convert_engine.model_classes import LazyModel, ModelClasses
from mlx_convert_engine.pieces import Cast, Computed, Copied, Piece, Quantized, Rounded, names_of
from mlx_convert_engine.proof import PARTS, Carried
from mlx_convert_engine.provenance import Provenance
from mlx_convert_engine.stored_types import LACKING, is_read_as
from mlx_convert_engine.tuning.rounding import Rounding

SHARD_BYTES = 5 << 30  # as mlx_lm.convert splits
_NAMES = {
    "bool": "BOOL", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "int8": "I8",
    "int16": "I16", "int32": "I32", "int64": "I64", **dtypes.STORED,
    "complex64": "C64",
}  # fmt: skip
CastFunction = Callable[[str, Any], Any]


@dataclass(slots=True, kw_only=True)
class Blueprint:
    """One output: its pieces, by source layer and in file order, and the figures of the plan.

    ``accounted`` is the converter's to fill in: what of the source no piece is made of. ``looked_at`` are the source
    tensors whose values the model class has looked at. ``carried`` are the layers that keep the bits of the source.
    """

    pieces: list[tuple[Piece, ...]] = field(default_factory=list)
    tensors: list[TensorInfo] = field(default_factory=list)
    quantized: list[QuantizedLayer] = field(default_factory=list)
    kept: list[KeptLayer] = field(default_factory=list)
    parameters: int = 0
    accounted: Accounted = field(default_factory=Accounted)
    looked_at: frozenset[str] = frozenset()
    carried: list[Carried] = field(default_factory=list)

    def planned(self, output: OutputPlan) -> OutputPlan:
        """``output`` made exact."""
        tensors = _sharded(self.tensors)
        return replace(
            output,
            exact=True,
            tensors=tensors,
            tensor_bytes=sum(tensor.nbytes for tensor in tensors),
            weight_bytes=sum(layout.file_bytes for layout in layouts(tensors, {"format": "mlx"}).values()),
            parameters=self.parameters,
            quantized=tuple(self.quantized),
            kept=tuple(self.kept),
            left_out=self.accounted.left_out,
            text_only=self.accounted.text_only,
        )


def blueprint(
    lazy: LazyModel,
    classes: ModelClasses,
    provenance: Provenance,
    output: OutputPlan,
    strategy: QuantizeStrategy | None,
    rounding: Rounding,
) -> Blueprint:
    """Lay out ``output`` of a lazily loaded model; the model itself is not changed. Raises UnsupportedModel."""
    if output.quantization is not None and lazy.only_as_stored is not None:
        raise lazy.only_as_stored
    return _Draft(lazy, classes, provenance, output, Chooser(lazy, output.quantization, strategy), rounding).draw()


class _Draft:
    """A blueprint in the making."""

    def __init__(
        self,
        lazy: LazyModel,
        classes: ModelClasses,
        provenance: Provenance,
        output: OutputPlan,
        chooser: Chooser,
        rounding: Rounding,
    ) -> None:
        self._model = lazy.model
        self._classes = classes
        self._provenance = provenance
        self._chooser = chooser
        self._rounding = rounding
        self._cast = _caster(lazy, output)
        self._result = Blueprint(looked_at=provenance.looked_at)

    def draw(self) -> Blueprint:
        """Go through all parameters in the order in which mlx-lm saves them."""
        from mlx.utils import tree_flatten

        layers = dict(_leaves(self._model))
        done: set[str] = set()
        for name, array in tree_flatten(self._model.parameters()):
            path = _owner(name, layers)
            if path is None:
                self._add((self._kept(name, array),), ((name, self._cast(name, array)),))
            elif path not in done:
                done.add(path)
                self._layer(path, layers[path])
        return self._result

    def _layer(self, path: str, layer: Any) -> None:
        from mlx.utils import tree_flatten

        quantized = self._quantized(path, layer)
        self._result.parameters += _count(quantized if quantized is not None else layer)
        if quantized is None:
            named = [(f"{path}.{name}", array) for name, array in tree_flatten(layer.parameters())]
            pieces = tuple(self._kept(name, array) for name, array in named)
            self._add(pieces, tuple((name, self._cast(name, array)) for name, array in named))
        else:
            named = [(f"{path}.{name}", array) for name, array in tree_flatten(quantized.parameters())]
            pieces = self._packed(path, layer, quantized, named)
            self._add(pieces, tuple(named))
        self._note_computed(path, layer, pieces)

    def _note_computed(self, path: str, layer: Any, pieces: tuple[Piece, ...]) -> None:
        """Keep in mind a layer whose numbers the class computes: it may expand what is packed."""
        name = f"{path}.weight"
        made = next((piece for piece in pieces if isinstance(piece, Computed) and name in names_of(piece)), None)
        if made is not None and made.sources and quantization_of(layer) is None and layer.weight.ndim > 1:
            arrays = {"weight": layer.weight}
            self._result.carried.append(Carried(path=path, arrays=arrays, sources=made.sources, quantization=None))

    def _add(self, pieces: tuple[Piece, ...], tensors: tuple[tuple[str, Any], ...]) -> None:
        self._result.pieces.append(pieces)
        self._result.tensors += [_info(name, array) for name, array in tensors]

    def _kept(self, name: str, array: Any) -> Piece:
        """The piece for a tensor that is not quantized."""
        cast = self._cast(name, array)
        sources = self._provenance.sources(array)
        if sources is None:
            return self._computed([(name, cast)], {name: array})
        if cast is array and not is_read_as(sources[0], array):  # sources that are joined are of one type
            return Copied(name=name, sources=sources)
        return Cast(name=name, sources=sources, dtype=cast.dtype)

    def _packed(self, path: str, layer: Any, quantized: Any, named: list[tuple[str, Any]]) -> tuple[Piece, ...]:
        """The pieces for a quantized layer: by rows where its weight comes straight from the source."""
        by_rows = self._by_rows(layer)
        names = tuple(f"{path}.{name}" for name in ("weight", "scales", "biases") if quantized.get(name) is not None)
        cast = self._cast(f"{path}.weight", layer.weight)
        numbers = self._result.quantized[-1].quantization
        rounding = self._rounding.layer(path, layer.weight.shape[-2])
        sources = self._provenance.sources(layer.weight) if by_rows else None
        if sources is None:
            if not by_rows:
                self._rounding.whole[path] = f"{type(layer).__name__} rounds for itself"
            rounded = Rounded(names=names, weight=cast, quantization=numbers, rounding=rounding) if by_rows else None
            computed = self._computed(named, {f"{path}.weight": layer.weight})
            return (replace(computed, rounded=rounded, quantization=numbers),)
        packed = Quantized(
            names=names,
            sources=sources,
            width=layer.weight.shape[-1],
            dtype=cast.dtype if cast is not layer.weight or is_read_as(sources[0], cast) else None,
            quantization=numbers,
            rounding=rounding,
        )
        rest = tuple(self._kept(name, layer[name.removeprefix(f"{path}.")]) for name, _ in named if name not in names)
        return (packed, *rest)

    def _by_rows(self, layer: Any) -> bool:
        """Whether the layer's class quantizes its weight, and only that, with mx.quantize."""
        import mlx.nn as nn

        stock = (nn.Linear, nn.Embedding)
        own = type(layer).to_quantized
        return any(own is kind.to_quantized for kind in stock) or self._classes.quantizes_by_rows(layer)

    def _computed(self, named: list[tuple[str, Any]], plain: dict[str, Any]) -> Computed:
        arrays = [array for _, array in named]
        shards, sources = self._provenance.shards(arrays), self._provenance.names(arrays)
        return Computed(tensors=tuple(named), shards=shards, sources=sources, plain=plain)

    def _quantized(self, path: str, layer: Any) -> Any | None:
        """The quantized layer that takes ``layer``'s place, or None; notes what was decided."""
        carried = quantization_of(layer)
        if carried is not None:
            self._result.quantized.append(QuantizedLayer(path=path, quantization=carried))
            self._result.carried.append(self._carried(path, layer, carried))
            return None
        if self._chooser.default is None or not hasattr(layer, "to_quantized"):
            return None
        chosen = self._chooser.choose(path, layer)
        if isinstance(chosen, str):
            self._result.kept.append(KeptLayer(path=path, reason=chosen, nbytes=layer.weight.nbytes))
            return None
        self._result.quantized.append(QuantizedLayer(path=path, quantization=chosen))
        return self._to_quantized(path, layer, chosen)

    def _carried(self, path: str, layer: Any, quantization: Quantization) -> Carried:
        arrays = {name: value for name, value in layer.items() if name in PARTS and hasattr(value, "dtype")}
        sources = self._provenance.names(arrays.values())
        return Carried(path=path, arrays=arrays, sources=sources, quantization=quantization)

    def _to_quantized(self, path: str, layer: Any, chosen: Quantization) -> Any:
        """What the layer's own class makes of it, from cast arrays, as mlx_lm.convert casts first."""
        own = {name: value for name, value in layer.items() if hasattr(value, "dtype")}
        layer.update({name: self._cast(f"{path}.{name}", value) for name, value in own.items()})
        try:
            return layer.to_quantized(group_size=chosen.group_size, bits=chosen.bits, mode=chosen.mode)
        except (TypeError, ValueError) as error:  # the class takes no mode, or the weights are integers
            raise UnsupportedModel(
                f"{self._classes.name} can't quantize {type(layer).__name__} layers such as {path}: {error}.",
                hint=f"Convert without quantization (preset bf16), or try a newer {self._classes.name}.",
                code="model_class",
            ) from error
        finally:
            layer.update(own)


def _caster(lazy: LazyModel, output: OutputPlan) -> CastFunction:
    """A function (name, array) -> array in the output's dtype; integers and excepted tensors stay."""
    import mlx.core as mx

    dtype = output.dtype or LACKING.get(lazy.dtype or "", lazy.dtype)
    if dtype not in dtypes.DTYPES:
        return lambda name, array: array
    wanted = getattr(mx, dtype)
    allowed = lazy.cast_predicate or (lambda name: True)

    def cast(name: str, array: Any) -> Any:
        if array.dtype == wanted or not mx.issubdtype(array.dtype, mx.floating) or not allowed(name):
            return array
        return array.astype(wanted)

    return cast


def _leaves(model: Any) -> Iterator[tuple[str, Any]]:
    import mlx.nn as nn
    from mlx.utils import tree_flatten

    yield from tree_flatten(model.leaf_modules(), is_leaf=nn.Module.is_module)


def _owner(name: str, layers: Mapping[str, Any]) -> str | None:
    """The leaf layer that holds the parameter ``name``; None for one of a branch itself."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        path = ".".join(parts[:end])
        if path in layers:
            return path
    return None


def _count(layer: Any) -> int:
    """Values in a layer; packed ones count as what they stand for (as mlx-lm counts)."""
    from mlx.utils import tree_flatten

    if hasattr(layer, "bits"):
        bias = layer.bias.size if hasattr(layer, "bias") else 0
        return int(bias + layer.weight.size * 32 // layer.bits)
    return sum(array.size for _, array in tree_flatten(layer.parameters()))


def _info(name: str, array: Any) -> TensorInfo:
    dtype = str(array.dtype).rsplit(".", 1)[-1].removesuffix("_")
    return TensorInfo(name=name, dtype=_NAMES[dtype], shape=tuple(array.shape))


def _sharded(tensors: list[TensorInfo]) -> tuple[TensorInfo, ...]:
    groups = split(tensors, SHARD_BYTES)
    named = []
    for number, members in enumerate(groups, 1):
        shard = file_names.WEIGHT_FILE if len(groups) == 1 else f"model-{number:05d}-of-{len(groups):05d}.safetensors"
        offset = 0
        for tensor in members:
            named.append(tensor.replace(shard=shard, start=offset, end=offset + tensor.nbytes))
            offset += tensor.nbytes
    return tuple(named)
