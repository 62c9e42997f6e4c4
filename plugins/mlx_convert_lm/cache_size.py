"""What a model's key/value cache takes, asked of the model class itself, which makes it in many ways.

Classes keep whole keys and values, or a compressed form of both (MLA), only the last tokens (sliding windows), or a
state of constant size; several do more than one. config.json does not tell: two classes with the same numbers differ
by a factor of fourteen. So one token is sent through the model without computing anything, and the shapes of what it
leaves in its cache say the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlx_convert_lm.adapter import prompt_cache

STEP = 256  # tokens by which mlx-lm's caches grow (mlx_lm.models.cache, KVCache.step)


def cache_bytes(model: Any, tokens: int) -> int:
    """Bytes of the cache of ``model``, whose weights need not be there, after ``tokens`` tokens.

    Nothing is computed but by the few classes that look at numbers on their way. 0 for a class whose cache can't be
    looked at.
    """
    import mlx.core as mx

    cache = prompt_cache(model)
    try:
        model(mx.array([[0]]), cache=cache)
    except Exception:  # it says so itself when it is to answer
        return 0
    return sum(_bytes_of(part, tokens) for part in _parts(cache))


def weights_in_memory(model: Any) -> int:
    """Bytes of the weights of ``model`` once they are read, in the types that it computes with."""
    from mlx.utils import tree_flatten

    return sum(array.nbytes for _, array in tree_flatten(model.parameters()))


def _parts(cache: Any) -> Iterator[Any]:
    """The caches of each layer, also where a layer has several."""
    for part in cache:
        inner = getattr(part, "caches", None)
        if isinstance(inner, list | tuple):
            yield from _parts(inner)
        elif part is not None:
            yield part


def _bytes_of(part: Any, tokens: int) -> int:
    """The bytes of a layer's cache: of keys and values, shape (1, heads, tokens, size), for all that it keeps."""
    keys, values = getattr(part, "keys", None), getattr(part, "values", None)
    if getattr(keys, "ndim", 0) != 4:
        return sum(array.nbytes for array in _arrays(vars(part)))
    each = (keys.nbytes + getattr(values, "nbytes", 0)) // keys.shape[2]
    kept = getattr(part, "max_size", None) or getattr(part, "chunk_size", None)
    return int(each * (min(tokens, kept) if kept else -(-tokens // STEP) * STEP))


def _arrays(value: Any) -> Iterator[Any]:
    import mlx.core as mx

    if isinstance(value, mx.array):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _arrays(item)
