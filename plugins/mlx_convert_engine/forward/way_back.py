"""How a model's output changes with what its layers answer: one pass forth and back, one block's weights in memory.

Labels are drawn from what the model itself expects, so that the mean square of the gradients is the diagonal of its
Fisher information: to second order, what a small change costs in KL divergence (nats). Of a head it is known without
drawing: the variance of p.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import Reporter
from mlx_convert_engine.forward.lockstep import BlockCall
from mlx_convert_engine.forward.memory import LOGITS_AT_ONCE
from mlx_convert_engine.forward.products import at_once, differentiable
from mlx_convert_engine.forward.streamed import StreamedModel
from mlx_convert_engine.forward.tail import states_in, with_states
from mlx_convert_engine.forward.taking_over import taken_over

SEED = 0


class NoWayBack(Exception):
    """Why a class's gradients can't be had, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Felt:
    """What one call of a layer did: inputs ``x`` (..., inputs) and the gradient of the loss with respect to its answer
    (..., outputs), of one sequence. ``chosen`` are the members of a stack that each went to.

    Of the head ``variance`` (tokens, outputs) takes the place of the gradient's square; of an embedding that rows were
    looked up in, ``gradient`` (tokens, width) is that of what was looked up, and there is no ``x``.
    """

    x: Any = None
    gradient: Any = None
    variance: Any = None
    chosen: Any = None


Feel = Callable[[str, Any, Felt], None]
"""Is told of each call of a layer: its path and itself, whose weights are in memory."""


@dataclass(slots=True)
class _Passed:
    path: str
    sequence: int
    call: BlockCall
    states: Path


@dataclass(slots=True)
class _Sequence:
    """Where a sequence stands on its way forth: what came into the first block, and its last answer; and on its way
    back: the gradient of the states."""

    states: Any = None
    first: Any = None
    gradient: Any = None
    files: int = field(default=0)


class WayBack:
    """A pass of ``sequences`` through ``model`` and back. States of all blocks lie in files in the folder ``keep``.

    `blocks` is to be gone through once `forth` has been called. Both raise NoWayBack.
    """

    def __init__(self, model: StreamedModel, sequences: Sequence[Sequence[int]], keep: Path) -> None:
        self._model = model
        self._sequences = sequences
        self._keep = keep
        self._passed: list[_Passed] = []
        self._at = [_Sequence() for _ in sequences]
        self._paths = {id(model.block(path)): path for path in model.blocks}

    def forth(self, report: Reporter) -> None:
        """Run forth, and keep what came into each block."""
        if self._model.tail.cached:
            raise NoWayBack("its class only runs with a cache")
        if not self._model.blocks:
            raise NoWayBack("it has no blocks")
        for news in self._model.walk(self._sequences, report, step="calibrate", passed=self._note):
            del news

    def blocks(self, feel: Feel, report: Reporter) -> Iterator[str]:
        """Go back; ``feel`` is told of each call of a layer. Gives the path of each block once all went back
        through it, its weights still in memory; "" first, for what lies behind the blocks, and last, before them."""
        fresh = self._model.fresh_weights()
        total, done = sum(map(len, self._sequences)) * self._model.tail.calls, 0
        for number in range(len(self._sequences)):
            self._from_head(number, feel, report)
        yield ""
        self._model.let_go("", fresh)
        while self._passed:
            path = self._passed[-1].path
            while self._passed and self._passed[-1].path == path:
                passed = self._passed.pop()
                report.check_cancelled()
                self._through(passed, feel)
                done += len(self._sequences[passed.sequence])
                report.progress("calibrate", done, total, unit="tokens")
            if all(passed.path != path for passed in self._passed):  # a looped model comes back to it
                yield path
            self._model.let_go(path, fresh)
        self._looked_up(feel)
        yield ""
        self._model.let_go("", fresh)

    def _note(self, sequence: int, call: BlockCall, output: Any) -> None:
        import mlx.core as mx

        at = self._at[sequence]
        states = call.args[0] if call.args else None
        if not isinstance(states, mx.array) or (at.states is not None and states is not at.states):
            raise NoWayBack("its class does something between its blocks")
        if at.first is None:
            at.first = states
        at.states = states_in(output)
        file = self._keep / f"states-{sequence}-{at.files}.npy"
        at.files += 1
        mx.save(str(file), states.astype(mx.float32) if states.dtype == mx.bfloat16 else states)
        rest = replace(call, args=(states.dtype, *call.args[1:]))
        self._passed.append(_Passed(self._paths[id(call.block)], sequence, rest, file))

    def _from_head(self, number: int, feel: Feel, report: Reporter) -> None:
        """The gradient of what the last block gave, some tokens at a time: nothing behind it mixes tokens."""
        import mlx.core as mx

        states = self._at[number].states
        vocabulary = self._model.logits(mx.zeros((1, states.shape[-1]))).shape[-1]
        step = max(1, LOGITS_AT_ONCE // vocabulary)
        parts = []
        for start in range(0, states.shape[1], step):
            report.check_cancelled()
            key = mx.random.key(SEED + 100_003 * number + start)
            parts.append(self._piece(states[:, start : start + step], key, feel))
        self._at[number].gradient = mx.concatenate(parts, axis=1)
        self._at[number].states = None

    def _piece(self, states: Any, key: Any, feel: Feel) -> Any:
        import mlx.core as mx

        tail = self._model.tail
        seen: list[tuple[Any, Any]] = []

        def loss(states: Any) -> Any:
            seen.clear()
            with self._behind_blocks(states, seen):
                logits = tail.call(mx.zeros(states.shape[:2], mx.int32)).astype(mx.float32)
            labels = mx.random.categorical(mx.stop_gradient(logits), key=key)
            seen.append((logits, None))
            own = mx.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
            return (mx.logsumexp(logits, axis=-1) - own).sum()

        (gradient,) = _back(loss, states, mx.array(1.0))
        logits = seen[-1][0].reshape(-1, seen[-1][0].shape[-1])
        if tail.layer is not None and len(seen) == 2:
            p = mx.softmax(logits, axis=-1)
            feel(tail.head, tail.layer, Felt(x=seen[0][0], variance=p * (1 - p)))
        return gradient

    @contextmanager
    def _behind_blocks(self, states: Any, seen: list[tuple[Any, Any]]) -> Iterator[None]:
        """Have the class go on from ``states`` as those of its last block, and note what the head is given."""
        tail, calls = self._model.tail, 0

        def at_block(block: Any, original: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            output = original(block, *args, **kwargs)
            return output if calls < tail.calls else with_states(output, states)

        def at_head(layer: Any, original: Any, x: Any) -> Any:
            seen.append((x, None))
            with at_once(), differentiable():
                return original(layer, x)

        with ExitStack() as stack:
            for block in tail.blocks:
                stack.enter_context(taken_over(block, at_block, "__call__"))
            if tail.layer is not None:
                stack.enter_context(taken_over(tail.layer, at_head, tail.method))
            yield

    def _through(self, passed: _Passed, feel: Feel) -> None:
        import mlx.core as mx

        at, call = self._at[passed.sequence], passed.call
        dtype, *rest = call.args
        states = mx.load(str(passed.states)).astype(dtype)
        passed.states.unlink()
        told: list[tuple[str, Any, Felt]] = []

        def run(states: Any) -> Any:
            told.clear()
            return states_in(call.call(call.block, states, *rest, **call.kwargs))

        with _felt(self._model.layers_of(passed.path), told), at_once(), differentiable():
            (gradient,) = _back(run, states, at.gradient.astype(dtype))
        if not mx.isfinite(gradient).all().item():
            raise NoWayBack("its gradients are not finite")
        at.gradient = gradient
        for path, layer, felt in told:
            feel(path, layer, felt)

    def _looked_up(self, feel: Feel) -> None:
        """The embedding: what came into the first block may be its rows times a number."""
        import mlx.core as mx

        for at, tokens in zip(self._at, self._sequences, strict=True):
            for path, layer in self._model.layers_outside.items():
                if hasattr(layer, "as_linear") and layer.weight.shape[-1] == at.gradient.shape[-1]:
                    rows = layer.weight[mx.array(list(tokens))].astype(mx.float32)
                    times = mx.linalg.norm(at.first.astype(mx.float32)) / mx.maximum(mx.linalg.norm(rows), 1e-20)
                    feel(path, layer, Felt(gradient=at.gradient[0] * times))
                    break


@contextmanager
def _felt(layers: dict[str, Any], told: list[tuple[str, Any, Felt]]) -> Iterator[None]:
    """Have each of ``layers`` tell of its inputs and of the gradients that come back to it."""
    with ExitStack() as stack:
        for path, layer in layers.items():
            if hasattr(layer, "to_quantized") and not hasattr(layer, "as_linear"):
                stack.enter_context(taken_over(layer, _probe(path, told), "__call__"))
        yield


def _probe(path: str, told: list[tuple[str, Any, Felt]]) -> Any:
    import mlx.core as mx

    def called(layer: Any, original: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        chosen = args[0] if args else kwargs.get("indices")
        output = original(layer, x, *args, **kwargs)

        @mx.custom_function  # type: ignore[untyped-decorator]
        def same(y: Any) -> Any:
            return y

        @same.vjp  # type: ignore[untyped-decorator]
        def back(y: Any, gradient: Any, output: Any) -> Any:
            told.append((path, layer, Felt(x=x, gradient=gradient, chosen=chosen)))
            return gradient

        return same(output)

    return called


def _back(function: Callable[[Any], Any], at: Any, gradient: Any) -> list[Any]:
    """The gradient with respect to ``at``. Raises NoWayBack for what MLX can't differentiate."""
    import mlx.core as mx

    try:
        _, found = mx.vjp(function, [at], [gradient])
        mx.eval(found)
    except (ValueError, RuntimeError, NotImplementedError, TypeError) as error:
        raise NoWayBack(f"MLX can't differentiate its class: {str(error)[:120]}") from error
    return list(found)
