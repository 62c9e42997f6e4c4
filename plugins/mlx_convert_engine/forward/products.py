"""Matrix products on a Linux CPU, where MLX's wheels bring the reference BLAS: NumPy's is some twenty times faster.

NumPy computes at once what MLX would compute later, so this is only done where a block or a head is being computed
(`at_once`), never where a class is asked what it would do. Sums are added up in another order: results differ in the
last bits of float32, as between two machines. A Mac's CPU and every GPU have fast products in MLX itself.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from mlx_convert_engine.forward.blocks import widened
from mlx_convert_engine.forward.taking_over import take_over

_here = threading.local()
UNPACKED_BYTES = 256_000_000  # of packed layers in float32 that are kept: the block of a model of a billion weights


def wanted() -> bool:
    """Whether NumPy's products are the faster ones here."""
    import mlx.core as mx

    return sys.platform == "linux" and mx.default_device() == mx.cpu


@contextmanager
def at_once() -> Iterator[None]:
    """Let layers compute while they are called, during the body."""
    before = getattr(_here, "at_once", False)
    _here.at_once = True
    try:
        yield
    finally:
        _here.at_once = before


@contextmanager
def differentiable() -> Iterator[None]:
    """Have products that are computed at once be ones that MLX can go back through, during the body."""
    before = getattr(_here, "differentiable", False)
    _here.differentiable = True
    try:
        yield
    finally:
        _here.differentiable = before


@contextmanager
def unpacked_once() -> Iterator[None]:
    """Unpack each layer for its first product during the body, as far as UNPACKED_BYTES go, and not for each anew."""
    before = getattr(_here, "unpacked", None)
    _here.unpacked = {}
    try:
        yield
    finally:
        _here.unpacked = before


def unpacked_bytes(layers: Iterable[Any]) -> int:
    """What `unpacked_once` keeps of ``layers``, wherever NumPy's products are wanted."""
    packed = sum(_unpacked_size(layer) for layer in layers if "scales" in layer)
    return min(packed, UNPACKED_BYTES) if wanted() else 0


def _unpacked_size(layer: Any) -> int:
    """The bytes of a packed layer's numbers in float32."""
    return 4 * int(layer.scales.size) * int(layer.group_size)


def products_of(layers: Iterable[Any]) -> list[tuple[Any, str]]:
    """Those of ``layers`` that are mlx's own and nothing but a product, each with the method that multiplies."""
    import mlx.nn as nn

    kinds = (
        (nn.Linear, "__call__"),
        (nn.QuantizedLinear, "__call__"),
        (nn.Embedding, "as_linear"),
        (nn.QuantizedEmbedding, "as_linear"),
    )
    return [
        (layer, method)
        for layer in layers
        for kind, method in kinds
        if isinstance(layer, kind) and getattr(type(layer), method) is getattr(kind, method)
    ]


def take_over_products(products: Iterable[tuple[Any, str]]) -> None:
    """Have NumPy multiply for these layers, wherever it may compute at once."""
    for layer, method in products:
        take_over(layer, _multiplied, method)


def gram_added(total: Any, rows: Any) -> Any:
    """``total`` (None: nothing) and XᵀX of rows in float32; added now where it may be, so that one product at a time is
    in memory."""
    import mlx.core as mx

    if not getattr(_here, "at_once", False) or not _computed(rows):
        products = rows.T @ rows
        return products if total is None else total + products
    numbers = _numpy(rows)
    products = mx.array(numbers.T @ numbers)
    if total is not None:
        products = total + products
        mx.eval(products)
    return products


def crossed(left: Any, right: Any) -> Any:
    """LᵀR of rows in float32."""
    import mlx.core as mx

    if not wanted() or not getattr(_here, "at_once", False) or not (_computed(left) and _computed(right)):
        return left.T @ right
    return mx.array(_numpy(left).T @ _numpy(right))


def _multiplied(layer: Any, original: Any, x: Any) -> Any:
    import mlx.core as mx

    if not getattr(_here, "at_once", False) or x.dtype != mx.float32 or not _computed(x):
        return original(layer, x)
    out = _with_way_back(layer)(x) if getattr(_here, "differentiable", False) else _product(layer, x)
    return out + widened(layer["bias"]) if "bias" in layer else out


def _product(layer: Any, x: Any) -> Any:
    import mlx.core as mx

    rows = _numpy(x.reshape(-1, x.shape[-1]))
    parts = [rows @ weight.T for weight in _numbers(layer)]
    return mx.array(parts[0] if len(parts) == 1 else _joined(parts)).reshape(*x.shape[:-1], -1)


def _with_way_back(layer: Any) -> Any:
    """The layer's product as a function that says what a gradient of its output is to its input: g W."""
    import mlx.core as mx

    @mx.custom_function  # type: ignore[untyped-decorator]
    def product(x: Any) -> Any:
        return _product(layer, x)

    @product.vjp  # type: ignore[untyped-decorator]
    def back(x: Any, gradient: Any, output: Any) -> Any:
        mx.eval(gradient)
        rows, total, first = _numpy(gradient.reshape(-1, gradient.shape[-1])), 0, 0
        for weight in _numbers(layer):
            total = total + rows[:, first : first + weight.shape[0]] @ weight
            first += weight.shape[0]
        return mx.array(total).reshape(*gradient.shape[:-1], -1)

    return product


def _numbers(layer: Any) -> Iterable[Any]:
    """The layer's weight in float32 as NumPy sees it, some rows at a time."""
    kept: dict[int, list[Any]] | None = getattr(_here, "unpacked", None)
    if kept is None or "scales" not in layer:
        return map(_numpy, _weights(layer))
    if id(layer) in kept:
        return kept[id(layer)]
    room = UNPACKED_BYTES - sum(part.nbytes for parts in kept.values() for part in parts)
    if _unpacked_size(layer) > room:
        return map(_numpy, _weights(layer))
    kept[id(layer)] = list(map(_numpy, _weights(layer)))
    return kept[id(layer)]


def _weights(layer: Any) -> Iterator[Any]:
    """The layer's weight as numbers in float32, some rows at a time."""
    import mlx.core as mx

    from mlx_convert_engine.forward.outside import slices_of

    packed = "scales" in layer
    columns = layer.scales.shape[-1] * layer.group_size if packed else layer.weight.shape[-1]
    for rows in slices_of(layer.weight.shape[0], columns):
        if not packed:
            yield widened(layer.weight[rows])
            continue
        biases = layer.get("biases")
        yield mx.dequantize(
            layer.weight[rows],
            layer.scales[rows],
            None if biases is None else biases[rows],
            group_size=layer.group_size,
            bits=layer.bits,
            mode=layer.mode,
        ).astype(mx.float32)


def _computed(array: Any) -> bool:
    """Have ``array`` computed now; False within a function that MLX compiles, where nothing can be."""
    import mlx.core as mx

    try:
        mx.eval(array)
    except (ValueError, RuntimeError):
        return False
    return True


def _numpy(array: Any) -> Any:
    import numpy as np

    return np.asarray(array)


def _joined(parts: list[Any]) -> Any:
    import numpy as np

    return np.concatenate(parts, axis=-1)
