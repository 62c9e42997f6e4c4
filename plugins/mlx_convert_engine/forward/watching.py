"""Layers that tell of their inputs when they are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from mlx_convert_engine.forward.streamed import StreamedModel
from mlx_convert_engine.forward.sums import Sums
from mlx_convert_engine.forward.taking_over import taken_over


@contextmanager
def watched(model: StreamedModel, sums: Mapping[str, Sums]) -> Iterator[None]:
    """Have each layer add its inputs to the sums of its block, or to those of "" outside of all blocks."""
    with ExitStack() as stack:
        for path, own in sums.items():
            layers = model.layers_of(path) if path else model.layers_outside
            for name, layer in layers.items():
                _watch(stack, model, name, layer, own)
        yield


def _watch(stack: ExitStack, model: StreamedModel, path: str, layer: Any, sums: Sums) -> None:
    if not hasattr(layer, "to_quantized"):
        return

    def called(layer: Any, original: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        if model.passing:
            _tell(path, sums, layer, x, *args, **kwargs)
        return original(layer, x, *args, **kwargs)

    def looked_up(layer: Any, original: Any, rows: Any) -> Any:
        if model.passing:
            sums.add_lookups(path, rows, layer.weight.shape[0])
        return original(layer, rows)

    embeds = hasattr(layer, "as_linear")
    stack.enter_context(taken_over(layer, called, "as_linear" if embeds else "__call__"))
    if embeds:
        stack.enter_context(taken_over(layer, looked_up, "__call__"))


def _tell(path: str, sums: Sums, layer: Any, x: Any, *args: Any, **kwargs: Any) -> None:
    """Add an input to the sums, as the layer's weight and its arguments say what it is."""
    import mlx.core as mx

    weight = layer.weight
    if not isinstance(x, mx.array) or x.shape[-1] != weight.shape[-1]:
        return  # not W x, such as a transposed product
    chosen = args[0] if args else kwargs.get("indices")
    if isinstance(chosen, mx.array):
        sums.add_chosen(path, x, chosen, weight.shape[0])
    elif weight.ndim == 2:
        sums.add_inputs(path, x)
    elif weight.ndim == 3 and not _transposed(args, kwargs):
        members = x.shape[-3] if x.ndim > 2 else 1
        if members == weight.shape[0]:
            sums.add_by_member(path, x)
        elif members == 1:  # all take the same
            sums.add_inputs(path, x)


def _transposed(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether a stack of layers was asked to multiply the other way round."""
    return False in args or kwargs.get("transpose") is False
