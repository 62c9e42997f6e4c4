"""What the inputs of a model's layers are like: the weights that a rounding method gives to errors.

For y = W x the expected squared error of a rounded W is Σ_j E[x_j²] ΔW_j² when inputs don't correlate, and
Δw E[x xᵀ] Δwᵀ a row in general.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlx_convert_core.plugin import Reporter, Step
from mlx_convert_engine.forward.standing import Standing
from mlx_convert_engine.forward.streamed import StreamedModel
from mlx_convert_engine.forward.sums import Sums
from mlx_convert_engine.forward.watching import watched

FEW_TOKENS = 64  # where second moments have converged, so that they weigh as much as what is known of the whole layer
Wanted = Callable[[str, int], bool]
"""Whether the full matrix is wanted of the layer at a path with so many inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputStatistics:
    """What is known of a layer's inputs x.

    ``second_moments`` are E[x_j²] in float32: (inputs,), or (experts, inputs) of a stack, each expert's own drawn
    toward all experts' where it saw few tokens; None for a layer that only looks rows up. ``tokens`` is how many were
    seen, of a stack how many pairs of token and expert, ``expert_tokens`` of each. ``frequency``, of an embedding, is
    how often each row was looked up, (rows,) with sum 1. ``full`` is E[x xᵀ] in float32, (inputs, inputs) or, of
    very wide layers, a matrix for each of `column_blocks`; none where it was not wanted. Layers with the same inputs
    share the tuple.
    """

    second_moments: Any = None
    tokens: int = 0
    expert_tokens: tuple[int, ...] = ()
    frequency: Any = None
    full: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockStatistics:
    """The statistics of a block's layers, by path. ``path`` is "" for what lies outside of all blocks.

    ``unseen`` are layers with a weight that could be quantized whose inputs nobody saw: the class uses the weight
    without calling the layer, or no token came through.
    """

    path: str
    layers: Mapping[str, InputStatistics] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()


def collect(
    model: StreamedModel,
    sequences: Sequence[Sequence[int]],
    report: Reporter,
    *,
    step: Step = "quantize",
    wants_full: Wanted | None = None,
    standing: Standing | None = None,
) -> Iterator[BlockStatistics]:
    """Run ``sequences`` through ``model``; give the statistics of each block once all have passed it.

    What lies outside of the blocks comes last. A block's sums are dropped before the next block runs, so that between
    two answers only one block's full matrices are in memory. A block that is called again (a looped model) comes once
    more, with what it saw the second time; its last statistics are those of all its calls. ``standing`` is kept up to
    date; gone on from, its blocks are not given again. Raises NotAlone where that can't be done.
    """
    sums: dict[str, Sums] = {path: Sums(wants_full) for path in model.blocks}
    outer = Sums(
        None if wants_full is None else lambda path, inputs: path == model.tail.head and wants_full(path, inputs)
    )
    layers = {path: model.layers_of(path) for path in model.blocks}

    def pending() -> list[Any]:
        return [array for one in (outer, *sums.values()) for array in one.changed()]

    with watched(model, {**sums, "": outer}):
        for news in model.walk(sequences, report, step=step, pending=pending, standing=standing):
            if isinstance(news, str):
                yield _statistics(news, layers[news], sums[news])
                sums[news].drop_full()
    yield _statistics("", model.layers_outside, outer)


def _statistics(path: str, layers: Mapping[str, Any], sums: Sums) -> BlockStatistics:
    known = {name: _layer(sums, name) for name in layers if name in sums}
    quantizable = [name for name, layer in layers.items() if hasattr(layer, "to_quantized")]
    return BlockStatistics(path=path, layers=known, unseen=tuple(name for name in quantizable if name not in known))


def _layer(sums: Sums, name: str) -> InputStatistics:
    import mlx.core as mx

    seen = sums.of(name)
    frequency = None
    if seen.lookups is not None:
        frequency = seen.lookups / mx.maximum(seen.lookups.sum(), 1)
    if seen.squares is None:
        return InputStatistics(tokens=int(seen.lookups.sum().item()), frequency=frequency)
    counts = seen.counts
    tokens = int(counts.sum().item())
    moments = _drawn_together(seen.squares, counts) if counts.ndim else seen.squares / counts
    full = sums.mean_products(name)
    mx.eval([array for array in (moments, frequency, *full) if array is not None])
    return InputStatistics(
        second_moments=moments,
        tokens=tokens,
        expert_tokens=tuple(int(count) for count in counts.tolist()) if counts.ndim else (),
        frequency=frequency,
        full=full,
    )


def _drawn_together(squares: Any, counts: Any) -> Any:
    """The experts' second moments: each with FEW_TOKENS tokens of the whole layer's added to its own."""
    import mlx.core as mx

    whole = squares.sum(axis=0) / mx.maximum(counts.sum(), 1)
    return (squares + FEW_TOKENS * whole) / (counts + FEW_TOKENS)[:, None]
