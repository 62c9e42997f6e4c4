"""What lies outside of a model's blocks: embedding, last norm, head. It stays while the blocks come and go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlx_convert_engine.forward.blocks import widened
from mlx_convert_engine.forward.taking_over import take_over

SLICE_BYTES = 32_000_000  # of a head in float32, computed at once: little beside the head as it is stored
SLICE_ROWS = 64  # a multiple of what a matrix product computes at once


def layers_outside(model: Any, blocks: Iterable[str]) -> dict[str, Any]:
    """The layers with a weight outside of ``blocks`` (paths), each once, by path."""
    prefixes = tuple(f"{path}." for path in blocks)
    return {path: layer for path, layer in layers_in(model).items() if not f"{path}.".startswith(prefixes)}


def layers_in(module: Any, at: str = "") -> dict[str, Any]:
    """The layers with a weight in ``module``, which lies ``at`` this path, each once, by path."""
    import mlx.nn as nn
    from mlx.utils import tree_flatten

    if "weight" in module:
        return {at: module}
    found: dict[int, tuple[str, Any]] = {}
    for path, layer in tree_flatten(module.leaf_modules(), is_leaf=nn.Module.is_module):
        if "weight" in layer:
            found.setdefault(id(layer), (f"{at}.{path}" if at else path, layer))
    return dict(found.values())


def put_outside(model: Any, parameters: Mapping[str, Any], layers: Mapping[str, Any]) -> None:
    """Give ``model`` these ``parameters``, as a CPU computes with them; what runs `in_slices` as it is stored."""
    from mlx.utils import tree_unflatten

    kept = {f"{path}.weight" for path, layer in layers.items() if _stock(layer)}
    model.update(
        tree_unflatten([(name, array if name in kept else widened(array)) for name, array in parameters.items()])
    )


def run_in_slices(layers: Mapping[str, Any]) -> None:
    """Have embedding and head, often the largest of all tensors, never be widened whole on a CPU.

    Only the rows that are looked up and slices of a product are; values are the same. This holds as long as the layers.
    """
    for layer in layers.values():
        if _stock(layer):
            embeds = hasattr(layer, "as_linear")
            take_over(layer, _product, "as_linear" if embeds else "__call__")
            if embeds:
                take_over(layer, _looked_up, "__call__")


def _stock(layer: Any) -> bool:
    """Whether the layer's calls are those of mlx's own Linear or Embedding."""
    import mlx.nn as nn

    kind = type(layer)
    if isinstance(layer, nn.Embedding):
        return kind.__call__ is nn.Embedding.__call__ and kind.as_linear is nn.Embedding.as_linear
    return kind.__call__ is nn.Linear.__call__


def _looked_up(layer: Any, original: Any, tokens: Any) -> Any:
    return widened(original(layer, tokens))


def _product(layer: Any, original: Any, x: Any) -> Any:
    """x Wᵀ + b, some rows of W at a time."""
    import mlx.core as mx

    weight, bias = layer["weight"], layer.get("bias")
    rows = max(SLICE_ROWS, SLICE_BYTES // (4 * weight.shape[-1]) // SLICE_ROWS * SLICE_ROWS)
    if weight.dtype == x.dtype or weight.shape[0] <= rows:
        return _one_product(x, widened(weight), bias)
    parts = []
    for start in range(0, weight.shape[0], rows):
        end = min(start + rows, weight.shape[0])
        parts.append(_one_product(x, widened(weight[start:end]), None if bias is None else bias[start:end]))
    return mx.concatenate(parts, axis=-1)


def _one_product(x: Any, weight: Any, bias: Any) -> Any:
    import mlx.core as mx

    return x @ weight.T if bias is None else mx.addmm(bias, x, weight.T)
