"""What a model does after its last block, found by asking its class once and computing nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from mlx_convert_core.plugin import UnsupportedModel
from mlx_convert_engine.forward.lockstep import Answer, standing_here
from mlx_convert_engine.forward.products import at_once
from mlx_convert_engine.forward.taking_over import taken_over

_METHODS = ("__call__", "as_linear")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """How a class is called, and where its hidden states turn into logits.

    ``head`` is the path of the layer that the final hidden states go into, by its ``method``; "" when that is no layer
    that anybody could name (a bare product): the hidden states are then the last block's output. ``calls`` is how
    often blocks are called for one sequence. ``cached`` says whether the class wants an empty cache with the tokens.
    """

    model: Any
    blocks: tuple[Any, ...]
    calls: int
    cached: bool
    dtype: Any
    head: str = ""
    layer: Any = None
    method: str = ""

    @staticmethod
    def of(model: Any, blocks: Mapping[str, Any], layers: Mapping[str, Any]) -> Tail:
        """Look at what ``model`` does with one token: arrays are described, nothing is computed."""
        try:
            return _looked_at(model, blocks, layers, cached=False)
        except Exception as error:  # whatever a class raises that wants a cache
            if not hasattr(model, "make_cache"):
                raise _not_to_be_called(model, error) from error
        try:
            return _looked_at(model, blocks, layers, cached=True)
        except Exception as error:
            raise _not_to_be_called(model, error) from error

    def call(self, tokens: Any) -> Any:
        """The class's own forward for ``tokens`` (1, length)."""
        return _call(self.model, tokens, cached=self.cached)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Have a forward end with its hidden states (`Answer`), as soon as it has them."""

        def at_head(layer: Any, original: Any, x: Any) -> Any:
            if standing_here() is None:  # `logits`, while the pass goes on
                return original(layer, x)
            original(layer, x)  # for whoever watches the layer; nothing of it is computed
            raise Answer(x)

        with ExitStack() as stack:
            if self.layer is not None:
                stack.enter_context(taken_over(self.layer, at_head, self.method))
            yield

    def logits(self, hidden: Any) -> Any:
        """What the class makes of hidden states (tokens, width): (tokens, vocabulary), not yet computed."""
        import mlx.core as mx

        if not self.calls and self.layer is None:
            return hidden  # nothing of the class is left to do
        given = hidden.astype(self.dtype)[None]
        calls = 0

        def at_head(layer: Any, original: Any, x: Any) -> Any:
            with at_once():
                return original(layer, given)

        def at_block(block: Any, original: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            output = original(block, *args, **kwargs)
            return output if calls < self.calls else with_states(output, given)

        with ExitStack() as stack:
            if self.layer is not None:
                stack.enter_context(taken_over(self.layer, at_head, self.method))
                tokens = mx.zeros((1, 1), mx.int32)
            else:
                for block in self.blocks:
                    stack.enter_context(taken_over(block, at_block, "__call__"))
                tokens = mx.zeros((1, len(hidden)), mx.int32)
            logits = self.call(tokens)
        return logits.reshape(-1, logits.shape[-1])


def states_in(output: Any) -> Any:
    """The hidden states in what a block answers: the array itself, or the first of several."""
    return output[0] if isinstance(output, list | tuple) else output


def with_states(output: Any, states: Any) -> Any:
    """A block's answer with other hidden states in it."""
    if isinstance(output, list | tuple):
        return type(output)([states, *output[1:]])
    return states


@dataclass(slots=True)
class _Notes:
    """What was called in one forward; ``layers`` are those after the last block."""

    calls: int = 0
    states: Any = None
    layers: list[tuple[str, str, Any, Any]] = field(default_factory=list)
    everywhere: list[tuple[str, str]] = field(default_factory=list)


def _looked_at(model: Any, blocks: Mapping[str, Any], layers: Mapping[str, Any], *, cached: bool) -> Tail:
    import mlx.core as mx

    notes = _Notes()
    with ExitStack() as stack:
        for block in blocks.values():
            stack.enter_context(taken_over(block, _noting_block(notes), "__call__"))
        for path, layer in layers.items():
            for method in _METHODS:
                stack.enter_context(taken_over(layer, _noting_layer(notes, path, method), method))
        logits = _call(model, mx.zeros((1, 1), mx.int32), cached=cached)
    tail = Tail(
        model=model,
        blocks=tuple(blocks.values()),
        calls=notes.calls,
        cached=cached,
        dtype=states_in(notes.states).dtype if notes.states is not None else logits.dtype,
    )
    return _with_head(tail, notes, layers, logits.shape[-1])


def _with_head(tail: Tail, notes: _Notes, layers: Mapping[str, Any], vocabulary: int) -> Tail:
    """``tail`` with the head: the last layer that gives as many numbers as the model does."""
    for path, method, x, output in reversed(notes.layers):
        wide = output.shape[-1] == vocabulary and x.shape[:-1] == (1, 1)
        if wide and notes.everywhere.count((path, method)) == 1:
            return Tail(
                model=tail.model,
                blocks=tail.blocks,
                calls=tail.calls,
                cached=tail.cached,
                dtype=x.dtype,
                head=path,
                layer=layers[path],
                method=method,
            )
    return tail


def _noting_block(notes: _Notes) -> Any:
    def called(block: Any, original: Any, *args: Any, **kwargs: Any) -> Any:
        output = original(block, *args, **kwargs)
        notes.calls += 1
        notes.states = output
        notes.layers.clear()
        return output

    return called


def _noting_layer(notes: _Notes, path: str, method: str) -> Any:
    def called(layer: Any, original: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        output = original(layer, x, *args, **kwargs)
        notes.layers.append((path, method, x, output))
        notes.everywhere.append((path, method))
        return output

    return called


def _call(model: Any, tokens: Any, *, cached: bool) -> Any:
    import mlx.core as mx

    answer = model(tokens, cache=model.make_cache()) if cached else model(tokens)
    if not isinstance(answer, mx.array):
        raise TypeError(f"its class answers with {type(answer).__name__}")
    return answer


def _not_to_be_called(model: Any, error: Exception) -> UnsupportedModel:
    reason = f"{type(error).__name__}: {error}"
    return UnsupportedModel(
        f"{type(model).__module__.rsplit('.', 1)[-1]} models can't be run on text alone: {reason[:200]}.",
        hint="Choose a method that needs no statistics, such as nearest.",
        code="model_class",
    )
