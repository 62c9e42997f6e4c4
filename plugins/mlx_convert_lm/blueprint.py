"""An output before a weight is read: the lazy arrays of every tensor, and what becomes of every layer.

MLX knows the shape and dtype of an array long before it computes it, so the exact plan and the conversion
come from the same objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from mlx_convert_core import (
    KeptLayer,
    LayerInfo,
    OutputPlan,
    Quantization,
    QuantizedLayer,
    QuantizeStrategy,
    TensorInfo,
    layouts,
    split,
)

SHARD_BYTES = 5 << 30  # as mlx_lm.convert splits
DTYPES = ("float16", "bfloat16", "float32")
_NAMES = {
    "bool_": "BOOL", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "int8": "I8",
    "int16": "I16", "int32": "I32", "int64": "I64", "float16": "F16", "bfloat16": "BF16", "float32": "F32",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The tensors of one layer, computed together: (name, lazy array)."""

    tensors: tuple[tuple[str, Any], ...]


@dataclass(slots=True, kw_only=True)
class Blueprint:
    """One output: its groups in file order, and the plan's figures."""

    groups: list[Group] = field(default_factory=list)
    quantized: list[QuantizedLayer] = field(default_factory=list)
    kept: list[KeptLayer] = field(default_factory=list)
    parameters: int = 0

    def planned(self, output: OutputPlan) -> OutputPlan:
        """``output`` made exact."""
        tensors = _sharded([_info(name, array) for group in self.groups for name, array in group.tensors])
        return replace(
            output,
            exact=True,
            tensors=tensors,
            tensor_bytes=sum(tensor.nbytes for tensor in tensors),
            weight_bytes=sum(layout.file_bytes for layout in layouts(tensors, {"format": "mlx"}).values()),
            parameters=self.parameters,
            quantized=tuple(self.quantized),
            kept=tuple(self.kept),
        )


def blueprint(
    model: Any, config: Mapping[str, Any], output: OutputPlan, strategy: QuantizeStrategy | None
) -> Blueprint:
    """Lay out ``output`` of a lazily loaded ``model``; the model itself is not changed."""
    from mlx.utils import tree_flatten

    result = Blueprint()
    chooser = _Chooser(model, output.quantization, strategy)
    cast = _caster(model, config, output)
    layers = dict(_leaves(model))
    replaced: dict[str, Any] = {}
    for path, layer in layers.items():
        chosen = _treat(path, layer, chooser, cast, result)
        if chosen is not None:
            replaced[path] = chosen
        result.parameters += _count(chosen if chosen is not None else layer)
    done: set[str] = set()
    for name, array in tree_flatten(model.parameters()):
        path = _owner(name, layers)
        if path is None:
            result.groups.append(Group(tensors=((name, cast(name, array)),)))
        elif path not in done:
            done.add(path)
            result.groups.append(_group(path, layers[path], replaced.get(path), cast))
    return result


class _Chooser:
    """What becomes of each layer: the strategy's answer, or else the model class's own predicate."""

    def __init__(self, model: Any, quantization: Quantization | None, strategy: QuantizeStrategy | None) -> None:
        self.default = quantization
        self._strategy = strategy
        self._predicate = getattr(model, "quant_predicate", None)
        self._layers = len(getattr(model, "layers", None) or ())

    def choose(self, path: str, layer: Any) -> Quantization | str:
        """The layer's quantization, or the reason why it is kept."""
        assert self.default is not None
        width = layer.weight.shape[-1]
        if width % self.default.group_size:
            return f"width {width} is not divisible by group size {self.default.group_size}"
        if self._strategy is not None:
            info = LayerInfo(
                path=path, shape=tuple(layer.weight.shape), kind=type(layer).__name__, num_layers=self._layers
            )
            chosen = self._strategy(info)
            if chosen is None:
                return "the strategy keeps it"
        elif self._predicate is not None:
            answer = self._predicate(path, layer)
            if not answer:
                return "its model class keeps it"
            chosen = Quantization.of(**answer) if isinstance(answer, dict) else self.default
        else:
            chosen = self.default
        if width % chosen.group_size:
            return f"width {width} is not divisible by group size {chosen.group_size}"
        return chosen


def _treat(path: str, layer: Any, chooser: _Chooser, cast: Any, result: Blueprint) -> Any | None:
    """The quantized layer that takes ``layer``'s place, or None; notes in ``result`` what was decided."""
    if _quantization_of(layer) is not None:
        result.quantized.append(QuantizedLayer(path=path, quantization=_quantization_of(layer)))
        return None
    if chooser.default is None or not hasattr(layer, "to_quantized"):
        return None
    chosen = chooser.choose(path, layer)
    if isinstance(chosen, str):
        result.kept.append(KeptLayer(path=path, reason=chosen, nbytes=layer.weight.nbytes))
        return None
    result.quantized.append(QuantizedLayer(path=path, quantization=chosen))
    own = {name: value for name, value in layer.items() if _is_array(value)}
    layer.update({name: cast(f"{path}.{name}", value) for name, value in own.items()})
    try:
        return layer.to_quantized(group_size=chosen.group_size, bits=chosen.bits, mode=chosen.mode)
    finally:
        layer.update(own)


def _group(path: str, layer: Any, quantized: Any | None, cast: Any) -> Group:
    from mlx.utils import tree_flatten

    if quantized is not None:  # made from cast arrays already
        return Group(tensors=tuple((f"{path}.{name}", array) for name, array in tree_flatten(quantized.parameters())))
    named = ((f"{path}.{name}", array) for name, array in tree_flatten(layer.parameters()))
    return Group(tensors=tuple((name, cast(name, array)) for name, array in named))


def _caster(model: Any, config: Mapping[str, Any], output: OutputPlan) -> Any:
    """A function (name, array) -> array in the output's dtype; integers and excepted tensors stay."""
    import mlx.core as mx

    dtype = output.dtype or target_dtype(config)
    if dtype not in DTYPES:
        return lambda name, array: array
    wanted = getattr(mx, dtype)
    allowed = getattr(model, "cast_predicate", None) or (lambda name: True)

    def cast(name: str, array: Any) -> Any:
        if array.dtype == wanted or not mx.issubdtype(array.dtype, mx.floating) or not allowed(name):
            return array
        return array.astype(wanted)

    return cast


def target_dtype(config: Mapping[str, Any]) -> str | None:
    """The dtype that mlx_lm.convert casts to: config's torch_dtype, or the text model's dtype."""
    text = config.get("text_config")
    found = config.get("torch_dtype") or (text.get("dtype") if isinstance(text, dict) else None)
    return str(found) if found else None


def _leaves(model: Any) -> Iterator[tuple[str, Any]]:
    import mlx.nn as nn
    from mlx.utils import tree_flatten

    yield from tree_flatten(model.leaf_modules(), is_leaf=nn.Module.is_module)


def _owner(name: str, layers: Mapping[str, Any]) -> str | None:
    """The leaf layer that holds the nested parameter ``name``; None for one of a branch itself."""
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


def _quantization_of(layer: Any) -> Quantization | None:
    """The numbers of a layer that the source already has quantized."""
    if not (hasattr(layer, "bits") and hasattr(layer, "group_size") and "scales" in layer):
        return None
    return Quantization.of(bits=layer.bits, group_size=layer.group_size, mode=getattr(layer, "mode", "affine"))


def _is_array(value: Any) -> bool:
    import mlx.core as mx

    return isinstance(value, mx.array)


def _info(name: str, array: Any) -> TensorInfo:
    dtype = str(array.dtype).rsplit(".", 1)[-1]
    return TensorInfo(name=name, dtype=_NAMES.get(dtype) or _NAMES[f"{dtype}_"], shape=tuple(array.shape))


def _sharded(tensors: list[TensorInfo]) -> tuple[TensorInfo, ...]:
    groups = split(tensors, SHARD_BYTES)
    named = []
    for number, members in enumerate(groups, 1):
        shard = "model.safetensors" if len(groups) == 1 else f"model-{number:05d}-of-{len(groups):05d}.safetensors"
        offset = 0
        for tensor in members:
            named.append(replace(tensor, shard=shard, start=offset, end=offset + tensor.nbytes))
            offset += tensor.nbytes
    return tuple(named)


def largest_group(blueprints: list[Blueprint]) -> int:
    """Bytes of the largest layer as it will be written, over all outputs."""
    return max(
        (
            sum(prod(array.shape) * array.dtype.size for _, array in group.tensors)
            for b in blueprints
            for group in b.groups
        ),
        default=0,
    )
