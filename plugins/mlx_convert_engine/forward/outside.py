"""What lies outside of a model's blocks: embedding, last norm, head. It stays while the blocks come and go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


def embedding_rows(model: Any) -> int:
    """The rows of the model's largest embedding, which is that of words; 0 when it has none.

    MLX reads past the end for an id beyond them, and gives whatever lies there.
    """
    import mlx.nn as nn

    kinds = (nn.Embedding, nn.QuantizedEmbedding)
    return max((layer.weight.shape[0] for _, layer in model.named_modules() if isinstance(layer, kinds)), default=0)


def put_outside(model: Any, parameters: Mapping[str, Any], as_stored: Iterable[str]) -> None:
    """Give ``model`` these ``parameters`` as a CPU computes with them, those of layers ``as_stored`` unchanged."""
    from mlx.utils import tree_unflatten

    kept = {f"{path}.weight" for path in as_stored}
    named = [(name, array if name in kept else widened(array)) for name, array in parameters.items()]
    model.update(tree_unflatten(named))


def run_in_slices(layers: Mapping[str, Any]) -> tuple[str, ...]:
    """Have embedding and head, often the largest of all tensors, never be widened whole on a CPU.

    Only the rows that are looked up and slices of a product are; values are the same. Gives the paths of the layers
    whose weights may now stay as they are stored: those whose calls were those of mlx's own Linear or Embedding.
    """
    import mlx.nn as nn

    taken = []
    for path, layer in layers.items():
        kind = type(layer)
        if isinstance(layer, nn.Embedding) and (kind.__call__, kind.as_linear) == (
            nn.Embedding.__call__,
            nn.Embedding.as_linear,
        ):
            take_over(layer, _product, "as_linear")
            take_over(layer, _looked_up, "__call__")
            taken.append(path)
        elif isinstance(layer, nn.Linear) and kind.__call__ is nn.Linear.__call__:
            take_over(layer, _product, "__call__")
            taken.append(path)
    return tuple(taken)


def _looked_up(layer: Any, original: Any, tokens: Any) -> Any:
    return widened(original(layer, tokens))


def _product(layer: Any, original: Any, x: Any) -> Any:
    """x Wᵀ + b, some rows of W at a time."""
    import mlx.core as mx

    weight, bias = layer["weight"], layer.get("bias")
    slices = list(slices_of(*weight.shape))
    if weight.dtype == x.dtype or len(slices) == 1:
        return _one_product(x, widened(weight), bias)
    parts = [_one_product(x, widened(weight[rows]), None if bias is None else bias[rows]) for rows in slices]
    return mx.concatenate(parts, axis=-1)


def slices_of(rows: int, columns: int) -> Iterator[slice]:
    """The rows of a matrix in slices of SLICE_BYTES in float32 at most."""
    step = max(SLICE_ROWS, SLICE_BYTES // (4 * columns) // SLICE_ROWS * SLICE_ROWS)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def _one_product(x: Any, weight: Any, bias: Any) -> Any:
    import mlx.core as mx

    return x @ weight.T if bias is None else mx.addmm(bias, x, weight.T)
