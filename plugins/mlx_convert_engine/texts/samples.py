"""What a model says by itself, to see what the inputs of its layers are like where there is no text for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from mlx_convert_core.plugin import Reporter

AT_ONCE = 8  # sequences that are sampled together: their cache is little beside the weights that each token reads


def sampled_tokens(
    model: Any,
    empty_cache: Callable[[], Any],
    count: int,
    seed: int,
    length: int,
    report: Reporter,
    *,
    first: int | None,
    vocabulary: int,
) -> list[list[int]]:
    """At least ``count`` ids in sequences of ``length``, drawn from what ``model`` expects, token by token.

    Each begins with the id ``first``, or with a random one below ``vocabulary``. The same for a seed, on the same kind
    of device. Raises Cancelled.
    """
    import mlx.core as mx

    numbers, key = random.Random(seed), mx.random.key(seed)
    begins = [numbers.randrange(vocabulary) if first is None else first for _ in range(-(-count // length))]
    found: list[list[int]] = []
    for at in range(0, len(begins), AT_ONCE):
        rows = [[begin] for begin in begins[at : at + AT_ONCE]]
        cache, last = empty_cache(), mx.array(rows)
        for _ in range(length - 1):
            report.check_cancelled()
            logits = model(last, cache=cache)[:, -1].astype(mx.float32)
            key, now = mx.random.split(key)
            last = mx.random.categorical(logits, key=now)[:, None]
            for row, token in zip(rows, last[:, 0].tolist(), strict=True):
                row.append(token)
            done = length * len(found) + sum(map(len, rows))
            report.progress("calibrate", done, length * len(begins), unit="tokens")
        found += rows
    return found
