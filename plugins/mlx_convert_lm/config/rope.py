"""What a config says about rotary positions (RoPE): its base, scaling and share of the head, for each kind of layer.

transformers 5 writes one entry, ``rope_parameters``, which is a mapping or a mapping for each kind of layer. Before, it
was ``rope_theta``, ``rope_scaling``, ``partial_rotary_factor`` and names of single families. Read as transformers'
`RotaryEmbeddingConfigMixin` reads it; the frequencies are those of its `modeling_rope_utils`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ALL = "all"  # the only kind of layer, where a config makes no difference between them
GLOBAL, LOCAL = "full_attention", "sliding_attention"
BASES = ("rope_theta", "rotary_emb_base", "global_rope_theta")
LOCAL_BASES = ("rope_local_base_freq", "swa_rope_theta", "rope_local_theta", "local_rope_theta")
SHARES = ("partial_rotary_factor", "rotary_pct")
_YARN = ("yarn", "deepseek_yarn", "telechat3-yarn")
_LONG = ("longrope", "su")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rope:
    """The rotary positions of one kind of layer.

    ``base`` and ``share`` (of a head's width) are None where the config leaves them out; ``kind`` is ``default``, or
    how the frequencies are scaled, by the numbers in ``settings``.
    """

    base: float | None
    kind: str = "default"
    share: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def frequencies(self, width: int, max_positions: float = 0) -> list[float] | None:
        """The ``width / 2`` inverse frequencies; None for a kind of scaling that is not known here.

        Those for a short text, where they depend on its length. Raises KeyError, TypeError and ValueError for a
        scaling without its numbers.
        """
        base = 10_000.0 if self.base is None else self.base
        plain = [base ** (-step / width) for step in range(0, width, 2)]
        if self.kind in ("default", "dynamic", "mrope"):  # dynamic: as they are, up to max_position_embeddings
            return plain
        if self.kind == "linear":
            return [one / self.settings["factor"] for one in plain]
        if self.kind == "llama3":
            return _llama3(plain, self.settings, max_positions)
        if self.kind in _YARN:
            return _yarn(plain, base, self.settings)
        if self.kind in _LONG:
            return [one / factor for one, factor in zip(plain, self.settings["short_factor"], strict=True)]
        if self.kind == "proportional":
            turned = int((1.0 if self.share is None else self.share) * width // 2)
            factor = self.settings.get("factor") or 1.0
            return [one / factor if place < turned else 0.0 for place, one in enumerate(plain)]
        return None

    def amplitude(self, max_positions: float = 0) -> float:
        """What turned queries and keys are multiplied by."""
        given = self.settings.get("attention_factor")
        if self.kind in _YARN:
            factor = self.settings["factor"]
            if given is not None:
                return float(given)
            above, below = self.settings.get("mscale"), self.settings.get("mscale_all_dim")
            return _mscale(factor, above) / _mscale(factor, below) if above and below else _mscale(factor, 1)
        if self.kind in _LONG:
            original = self.settings["original_max_position_embeddings"]
            factor = self.settings.get("factor") or max_positions / original
            if given is not None:
                return float(given)
            return 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(original))
        return 1.0


def stated(config: Mapping[str, Any]) -> dict[str, Rope]:
    """What one level of a config says, by kind of layer (`ALL` where there is but one); empty when it says nothing."""
    given = config.get("rope_scaling") or config.get("rope_parameters")  # in transformers' order
    parameters = given if isinstance(given, Mapping) else {}
    base, share = _first(config, BASES), _first(config, SHARES)
    kinds = {name: value for name, value in parameters.items() if isinstance(value, Mapping)}
    if kinds:
        return {name: _rope(value, base, share) for name, value in kinds.items()}
    if not parameters and base is None and share is None:
        return {}
    one = _rope(parameters, base, share)
    local = _first(config, LOCAL_BASES)
    if local is None:
        return {ALL: one}
    return {GLOBAL: one, LOCAL: Rope(base=float(local), share=share)}  # only global layers are scaled, as in gemma3


def main_kind(kinds: Mapping[str, Rope]) -> Rope:
    """The kind that a reader with one set of numbers means: layers that look at the whole text."""
    return kinds.get(ALL) or kinds.get(GLOBAL) or next(iter(kinds.values()))


def levels(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A config and those nested in it that may describe a language model, from the outside in."""
    yield config
    for name, value in config.items():
        if isinstance(value, dict) and name.endswith("_config") and not _SENSES.intersection(name.split("_")):
            yield from levels(value)


_SENSES = {"vision", "visual", "audio", "speech", "quantization", "compression", "code2wav", "talker"}


def _rope(parameters: Mapping[str, Any], base: float | None, share: float | None) -> Rope:
    return Rope(
        base=_number(parameters.get("rope_theta"), base),
        kind=str(parameters.get("rope_type") or parameters.get("type") or "default"),
        share=_number(parameters.get("partial_rotary_factor"), share),
        settings=dict(parameters),
    )


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    return next((found for name in names if (found := _number(config.get(name), None)) is not None), None)


def _number(value: Any, otherwise: float | None) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else otherwise


def _llama3(plain: list[float], settings: Mapping[str, Any], max_positions: float) -> list[float]:
    original = settings.get("original_max_position_embeddings") or max_positions
    factor, low, high = settings["factor"], settings["low_freq_factor"], settings["high_freq_factor"]

    def scaled(one: float) -> float:
        length = 2 * math.pi / one
        if length < original / high:
            return one
        if length > original / low:
            return one / factor
        smooth = (original / length - low) / (high - low)
        return float((1 - smooth) * one / factor + smooth * one)

    return [scaled(one) for one in plain]


def _yarn(plain: list[float], base: float, settings: Mapping[str, Any]) -> list[float]:
    width, factor, original = 2 * len(plain), settings["factor"], settings["original_max_position_embeddings"]

    def place(rotations: float) -> float:
        return width * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(base))

    low, high = place(settings.get("beta_fast") or 32), place(settings.get("beta_slow") or 1)
    if settings.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, width - 1)
    high += 0.001 if low == high else 0
    ramp = [min(max((step - low) / (high - low), 0.0), 1.0) for step in range(len(plain))]
    return [one / factor * slope + one * (1 - slope) for one, slope in zip(plain, ramp, strict=True)]


def _mscale(factor: float, mscale: float) -> float:
    return 1.0 if factor <= 1 else 0.1 * mscale * math.log(factor) + 1.0
