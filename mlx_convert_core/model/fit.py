"""Whether a model fits into this machine's memory: its weights, the cache of a conversation, and what runs beside them.

One arithmetic for all who ask: the guard that refuses to load a model, plans, and every list of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mlx_convert_core.base.units import size

CONTEXT = 4096  # tokens: a conversation of some length, where nobody says how long it gets
# A worker's libraries and what it computes with, besides weights and cache.
BESIDE_WEIGHTS = 500_000_000
_CACHED = 2  # bytes of a cached number: 16 bits, as models compute
_NO_CACHE = ("linear_attention", "mamba", "conv", "recurrent")  # layers with a state of constant size, small beside one

FitVerdict = Literal["runs", "tight", "too_large"]
_WORDS: dict[FitVerdict, str] = {"runs": "Runs here", "tight": "Tight", "too_large": "Too large"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What answering takes (bytes): ``weights`` and the ``cache`` of ``context`` tokens. ``lent`` is the most that the
    machine lends a program, ``free`` what of its memory is free now.

    ``measured`` is False where the cache was told from config.json alone, which knows no better than about.
    """

    weights: int
    cache: int
    context: int
    lent: int
    free: int
    measured: bool = False

    @property
    def needed(self) -> int:
        """Bytes in all."""
        return self.weights + self.cache + BESIDE_WEIGHTS

    @property
    def room(self) -> int:
        """Bytes of weights that would run here at most, below 0 where not even the cache has room."""
        return self.lent - self.cache - BESIDE_WEIGHTS

    @property
    def verdict(self) -> FitVerdict:
        """``too_large`` for what the machine can't lend at all, ``tight`` for more than is free now."""
        if self.needed > self.lent:
            return "too_large"
        return "tight" if self.needed > min(self.lent, self.free) else "runs"

    @property
    def words(self) -> str:
        """The verdict for people: ``Runs here``, ``Tight``, ``Too large``."""
        return _WORDS[self.verdict]

    @property
    def told(self) -> str:
        """What it takes, in a sentence without an end."""
        return (
            f"about {size(self.needed)} of memory: {size(self.weights)} of weights and {size(self.cache)} for"
            f" {self.context:,} tokens"
        )

    @property
    def reason(self) -> str:
        """The numbers behind the verdict, in a sentence or two."""
        needs = f"It takes {self.told}; this machine lends {size(self.lent)}"
        if self.verdict == "tight":
            return f"{needs}, and {size(min(self.free, self.lent))} are free now. Close other apps if it becomes slow."
        return f"{needs}."


def fit(weights: int, config: Mapping[str, Any], *, context: int = CONTEXT) -> Fit:
    """How a model of ``weights`` bytes fits into this machine, with the cache that ``config`` (config.json) tells of.

    Asks the system what is free; for many models ask `memory_now` once, and `fit_into` for each.
    """
    return fit_into(memory_now(), weights, config, context=context)


def memory_now() -> tuple[int, int]:
    """What this machine lends a program, and what is free (bytes)."""
    from mlx_convert_core.base.memory import free_memory, lent_memory

    return lent_memory(), free_memory()


def fit_into(memory: tuple[int, int], weights: int, config: Mapping[str, Any], *, context: int = CONTEXT) -> Fit:
    """`fit` into ``memory`` as `memory_now` told it."""
    lent, free = memory
    return Fit(weights=weights, cache=cache_estimate(config, context), context=context, lent=lent, free=free)


def cache_estimate(config: Mapping[str, Any], context: int) -> int:
    """Bytes of keys and values that ``config`` (config.json) lets expect after ``context`` tokens, 0 when it is silent.

    Whoever can build the model asks that: classes keep other things than these numbers say. Where a class compresses
    what it keeps (MLA) or drops old tokens unasked, this is too much.
    """
    inner = config.get("text_config")
    numbers = {**config, **inner} if isinstance(inner, dict) else config
    heads = _count(numbers, "num_key_value_heads") or _count(numbers, "num_attention_heads")
    wide = _count(numbers, "head_dim") or _count(numbers, "hidden_size") // max(
        1, _count(numbers, "num_attention_heads")
    )
    if latent := _count(numbers, "kv_lora_rank"):
        each = latent + _count(numbers, "qk_rope_head_dim")
    else:
        each = 2 * heads * wide
    return sum(min(context, kept) * each * _CACHED for kept in _kept(numbers, context))


def _kept(numbers: Mapping[str, Any], context: int) -> Iterator[int]:
    """How many tokens each layer keeps."""
    types, window = numbers.get("layer_types"), _count(numbers, "sliding_window")
    if not isinstance(types, list) or not all(isinstance(one, str) for one in types):
        types = ["full_attention"] * min(_count(numbers, "num_hidden_layers"), 10_000)
    for one in types:
        if one.startswith(_NO_CACHE):
            yield 0
        else:
            yield window if window and one.startswith("sliding") else context


def _count(numbers: Mapping[str, Any], name: str) -> int:
    found = numbers.get(name)
    return found if type(found) is int and 0 < found < 1 << 30 else 0
