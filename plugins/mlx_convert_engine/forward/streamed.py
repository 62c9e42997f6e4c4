"""A model that runs block by block: one block's weights in memory, and all sequences through it at once.

What is computed is what the model's class computes, bit by bit: blocks are called by the class's own code, with its
own arguments; only *when* each call is computed, and what lies in memory then, is decided here.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from mlx_convert_core.plugin import Reporter, Step, UnsupportedModel
from mlx_convert_engine.forward.blocks import FreshWeights, Load, blocks_of, outside, widened
from mlx_convert_engine.forward.lockstep import BlockCall, Forward, standing_here
from mlx_convert_engine.forward.memory import pass_memory
from mlx_convert_engine.forward.outside import (
    embedding_rows,
    layers_in,
    layers_outside,
    put_outside,
    run_in_slices,
)
from mlx_convert_engine.forward.products import (
    at_once,
    products_of,
    take_over_products,
    unpacked_once,
    wanted,
)
from mlx_convert_engine.forward.standing import Standing
from mlx_convert_engine.forward.tail import Tail, states_in
from mlx_convert_engine.forward.taking_over import taken_over

Passed = Callable[[int, BlockCall, Any], None]
"""Is told which sequence has passed a block: its number, its call, and what the block answered, which is computed."""
Pending = Callable[[], list[Any]]
"""Gives the arrays that are to be computed together with a block's output."""


class StreamedModel:
    """A model whose weights are read when they are needed.

    ``load`` gives the model anew at each call, unread: a source as well as a converted folder. ``blocks`` are the
    paths of what is read one after the other; without any, the model runs as a whole. ``exact`` has MLX itself
    compute every product, so that results are the whole model's bit for bit also where another library is faster.
    """

    def __init__(self, load: Load, *, exact: bool = False) -> None:
        lazy = load()
        lazy.arrays.clear()  # or each array would live on there
        self._load = load
        self.model = lazy.model
        self.config = lazy.config
        self._blocks = blocks_of(self.model)
        self._rows = embedding_rows(self.model)
        self.blocks: tuple[str, ...] = tuple(self._blocks)
        self.layers_outside = layers_outside(self.model, self.blocks)
        for block in self._blocks.values():
            block.update(widened(block.parameters()))
        layers = [layer for path in self.blocks for layer in self.layers_of(path).values()]
        products = products_of([*layers, *self.layers_outside.values()])
        self._as_stored = run_in_slices(self.layers_outside)
        put_outside(self.model, outside(self.model, self.blocks), self._as_stored)
        if not exact and wanted():
            take_over_products(products)
        self._tail: Tail | None = None
        self._computing = False

    @property
    def tail(self) -> Tail:
        """What comes after the blocks. Raises UnsupportedModel for a class that can't be called with tokens alone."""
        if self._tail is None:
            self._tail = Tail.of(self.model, self._blocks, self.layers_outside)
        return self._tail

    def block(self, path: str) -> Any:
        """The module at ``path``, one of `blocks`."""
        return self._blocks[path]

    def layers_of(self, path: str) -> dict[str, Any]:
        """The layers with a weight in the block at ``path``, by their own paths."""
        return layers_in(self._blocks[path], path)

    @property
    def passing(self) -> bool:
        """Whether a layer that is called now is called by a sequence of a pass, not to see what it would do."""
        return self._computing or standing_here() is not None

    def computed(self, call: BlockCall) -> Any:
        """The answer of a block to a sequence, not yet computed."""
        self._computing = True
        try:
            with at_once():
                return call.made()
        finally:
            self._computing = False

    def hidden(self, sequences: Sequence[Sequence[int]], report: Reporter, *, step: Step = "quantize") -> Iterator[Any]:
        """For each sequence of token ids its final hidden states, (tokens, width) in float32: what `logits` takes.

        Sequences may differ in length. Raises Cancelled at a block, and what the model's class raises.
        """
        for news in self.walk(sequences, report, step=step):
            if not isinstance(news, str):
                yield news

    def logits(self, hidden: Any) -> Any:
        """The logits, (tokens, vocabulary) in float32, of hidden states (tokens, width) as `hidden` gives them.

        Only what comes after the blocks is read. They take tokens × vocabulary × 4 bytes: hand over few at once.
        """
        import mlx.core as mx

        return self.tail.logits(hidden).astype(mx.float32)

    def peak_memory(self, lengths: Sequence[int], *, back: bool = False) -> int:
        """Bytes that MLX will hold at most while sequences of these lengths pass, with ``back`` also back.

        Nothing is read for it.
        """
        return pass_memory(self._blocks.values(), self.layers_outside, self.config, lengths, back=back)

    def walk(
        self,
        sequences: Sequence[Sequence[int]],
        report: Reporter,
        *,
        step: Step = "quantize",
        pending: Pending = list,
        passed: Passed | None = None,
        standing: Standing | None = None,
    ) -> Iterator[Any]:
        """The pass itself: gives the path of each block that all sequences have passed, then the hidden states.

        ``pending`` gives arrays to compute with each block's output, made of what only then is in memory; ``passed`` is
        told of each. ``standing`` is kept up to date, and gone on from: its blocks are not given again. Raises NotAlone
        where that can't be done, and UnsupportedModel (code ``token_ids``) for ids that the embedding has no row for.
        """
        self._check_ids(sequences)
        passing = _Passing(self, sequences, report, step, pending)
        passing.passed = passed
        passing.standing = standing or Standing()
        with passing.under_way() as forwards:
            yield from passing.through_blocks(forwards)
            while forwards:
                yield passing.finished(forwards.pop(0))

    def _check_ids(self, sequences: Sequence[Sequence[int]]) -> None:
        highest = max((token for sequence in sequences for token in sequence), default=0)
        if self._rows and highest >= self._rows:
            raise UnsupportedModel(
                f"the tokenizer gives ids up to {highest:,} for this text, and the embedding has {self._rows:,} rows.",
                hint="The tokenizer may belong to another model: compare its files with the original model's.",
                code="token_ids",
            )

    def let_go(self, path: str, fresh: FreshWeights) -> None:
        """Replace the weights of the block at ``path`` by unread ones; with "" those outside of all blocks."""
        if path:
            self._blocks[path].update(fresh.of_block(path))
        else:
            put_outside(self.model, fresh.outside(), self._as_stored)
        gc.collect()  # views that NumPy had of the weights are only then let go

    def fresh_weights(self) -> FreshWeights:
        """Unread weights for what is let go."""
        return FreshWeights(self._load)


class _Passing:
    """One pass of some sequences."""

    def __init__(
        self, model: StreamedModel, sequences: Sequence[Sequence[int]], report: Reporter, step: Step, pending: Pending
    ) -> None:
        self._model = model
        self._sequences = sequences
        self._report = report
        self._step: Step = step
        self._pending = pending
        self.passed: Passed | None = None
        self.standing = Standing()
        self._paths = {id(model.block(path)): path for path in model.blocks}
        self._calls: Counter[Forward] = Counter()
        self._done, self._total = 0, model.tail.calls * sum(map(len, sequences))

    @contextmanager
    def under_way(self) -> Iterator[list[Forward]]:
        """All forwards, each at its first block. They end with the body."""
        forwards = [Forward(self._run(sequence)) for sequence in self._sequences]
        with ExitStack() as stack:
            for path in self._model.blocks:
                stack.enter_context(taken_over(self._model.block(path), _ask, "__call__"))
            stack.enter_context(self._model.tail.answering())
            for forward in list(forwards):
                stack.callback(forward.stop)
                forward.start()
            if self.standing.answered:
                self._go_on(forwards)
            yield forwards

    def _go_on(self, forwards: list[Forward]) -> None:
        """Leave out the blocks that were passed before."""
        self.standing.go_on(forwards)
        self._calls.update(dict.fromkeys(forwards, self.standing.blocks))
        self._done = self.standing.blocks * sum(map(len, self._sequences))

    def through_blocks(self, forwards: list[Forward]) -> Iterator[str]:
        """Block after block; each is let go once all forwards that wait for it have passed."""
        fresh = self._model.fresh_weights()
        first = True
        while waiting := [forward for forward in forwards if forward.waiting is not None]:
            block = waiting[0].waiting.block  # type: ignore[union-attr]
            path = self._paths[id(block)]
            with unpacked_once():
                for number, (forward, sequence) in enumerate(zip(forwards, self._sequences, strict=True)):
                    if forward.waiting is not None and forward.waiting.block is block:
                        self._pass(number, forward, forward.waiting, len(sequence))
            self.standing.all_passed(forwards)
            self._model.let_go(path, fresh)
            if first:
                self._model.let_go("", fresh)  # the embedding; the head is not read before its turn
                first = False
            yield path

    def finished(self, forward: Forward) -> Any:
        """The hidden states of a forward that has passed all blocks."""
        import mlx.core as mx

        self._report.check_cancelled()
        hidden = forward.result
        forward.result = None
        hidden = hidden.reshape(-1, hidden.shape[-1]).astype(mx.float32)
        mx.eval(hidden, self._pending())
        self.standing.check(hidden)
        return hidden

    def _run(self, sequence: Sequence[int]) -> Callable[[], Any]:
        def run() -> Any:
            import mlx.core as mx

            return self._model.tail.call(mx.array([list(sequence)]))

        return run

    def _pass(self, number: int, forward: Forward, call: BlockCall, tokens: int) -> None:
        import mlx.core as mx
        from mlx.utils import tree_flatten

        self._report.check_cancelled()
        output = self._model.computed(call)
        arrays = [leaf for _, leaf in tree_flatten([output]) if isinstance(leaf, mx.array)]
        mx.eval(arrays, self._pending())
        if self.passed is not None:
            self.passed(number, call, output)
        self.standing.passed(number, call, output)
        self._done += tokens
        self._report.progress(self._step, self._done, self._total, unit="tokens")
        self._calls[forward] += 1
        if self._model.tail.layer is None and self._calls[forward] == self._model.tail.calls:
            forward.stop()
            forward.result = states_in(output)
        else:
            forward.go_on(output)


def _ask(block: Any, original: Any, *args: Any, **kwargs: Any) -> Any:
    forward = standing_here()
    if forward is None:
        return original(block, *args, **kwargs)
    return forward.ask(BlockCall(block, original, args, kwargs))
