"""How much memory a pass will take, told from shapes before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mlx_convert_engine.forward.outside import SLICE_BYTES, layers_in
from mlx_convert_engine.forward.products import unpacked_bytes

STATES_KEPT = 3  # of each sequence between two blocks: what goes on, and what a class may keep beside it
ROWS_AT_WORK = 3  # of each layer's outputs while a block is computed: the output, its input, what is made of it
MASKS = 4  # arrays of tokens × tokens and head: scores, mask, their exponentials
MEMBERS = 8  # of a stack of experts that a token goes to, or that is a stack of heads
LOGITS_AT_ONCE = 4_000_000  # numbers, tokens x vocabulary, on the way back through the head
LOGITS_KEPT = 12  # arrays of them: logits, what is expected, their gradients, and what NumPy joins
WAY_BACK = 3  # a block's outputs, once more while they are computed again, and their gradients
SAMPLED = 16  # one row of a layer in so many is looked at closely, in some arrays of float32
SLICES = 4  # of a head, computed one after the other


def pass_memory(
    blocks: Iterable[Any],
    layers_outside: Mapping[str, Any],
    config: Mapping[str, Any],
    lengths: Sequence[int],
    *,
    back: bool = False,
) -> int:
    """Bytes that MLX will hold at most while sequences of these ``lengths`` pass: the largest block as it is computed
    with, what lies outside as it is stored, and the states of all sequences; with ``back`` what a gradient needs
    besides. The interpreter is not in it.
    """
    blocks = tuple(blocks)
    weights = [_weights(block) for block in blocks]
    rows = max((_rows(block) for block in blocks), default=0)
    kept = sum(layer.weight.nbytes for layer in layers_outside.values())
    width = _width(layers_outside)
    longest, tokens = max(lengths, default=0), sum(lengths)
    states = 4 * width * STATES_KEPT * tokens
    at_work = 4 * longest * (ROWS_AT_WORK * rows + MASKS * _heads(config) * longest)
    if back:
        at_work = WAY_BACK * at_work + max((_sampled(block) for block in blocks), default=0)
        at_work = max(at_work, 4 * LOGITS_KEPT * LOGITS_AT_ONCE)
    return int(max(weights, default=0) + kept + states + at_work + SLICES * SLICE_BYTES)


def _weights(block: Any) -> int:
    """A block's weights as they are computed with, its largest tensor once more as it is stored, and what is kept of
    packed ones."""
    from mlx.utils import tree_flatten

    sizes = [array.nbytes for _, array in tree_flatten(block.parameters())]
    return sum(sizes) + max(sizes, default=0) + unpacked_bytes(layers_in(block).values())


def _sampled(block: Any) -> int:
    return 8 * 4 * sum(layer.weight.size // SAMPLED for layer in layers_in(block).values())


def _rows(block: Any) -> int:
    """The outputs of all layers of a block for one token; of a stack for MEMBERS of its members."""
    total = 0
    for layer in layers_in(block).values():
        shape = layer.weight.shape
        total += shape[-2] * (MEMBERS if len(shape) == 3 else 1) if len(shape) > 1 else shape[0]
    return total


def _width(layers: Mapping[str, Any]) -> int:
    return max((layer.weight.shape[-1] for layer in layers.values()), default=0)


def _heads(config: Mapping[str, Any]) -> int:
    text = config.get("text_config")
    found = [part.get(name) for part in (config, text or {}) for name in ("num_attention_heads", "n_head", "n_heads")]
    return max((number for number in found if isinstance(number, int)), default=32)
