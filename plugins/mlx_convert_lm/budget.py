"""Strategies that share a number of bytes out among the layers: bits and group size for each, by what it loses.

``bpw:4.5`` is an average over the whole model, ``fit:6GB`` the size of its weight files. Both are kept to the byte.
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlx_convert_core.plugin import (
    AFFINE_BITS,
    AFFINE_GROUP_SIZES,
    InvalidRequest,
    LayerChoice,
    LayerInfo,
    MeasuredLayer,
    ModelSizes,
    Quantization,
    Remedies,
    SetOption,
    bits_to_ask,
    to_json,
    units,
)

BITS, FIT = "bpw:", "fit:"
_SCALES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def budget_named(name: str, quantization: Quantization) -> Budget | None:
    """The budget called ``name``, None when it is none. Raises InvalidRequest (codes ``budget``, ``mode``)."""
    if not name.startswith((BITS, FIT)):
        return None
    affine_only(quantization)
    text = name.partition(":")[2].strip()
    return Budget(bits=_number(text)) if name.startswith(BITS) else Budget(file_bytes=_bytes(text))


def affine_only(quantization: Quantization) -> None:
    """Raise InvalidRequest (code ``mode``) for numbers of another mode, of which there is but one kind each."""
    if quantization.mode != "affine":
        raise InvalidRequest(
            f"bits are shared out among layers of the mode affine, not {quantization.mode}.",
            hint="Choose a preset of that mode, such as 4bit.",
            remedies=(SetOption("preset", "4bit"),),
            code="mode",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most ``bits`` per weight, or weight files of ``file_bytes``, headers included. Implements MeasuredStrategy."""

    bits: float | None = None
    file_bytes: int | None = None

    def options(self, layer: LayerInfo) -> tuple[Quantization, ...]:
        """See MeasuredStrategy."""
        return all_options(layer)

    def limit(self, sizes: ModelSizes) -> int:
        """See MeasuredStrategy. Raises InvalidRequest (codes ``budget_small``, ``budget_large``)."""
        if self.file_bytes is not None:
            limit, asked = self.file_bytes - sizes.headers, units.size(self.file_bytes)
            step: Remedies = (SetOption("strategy", FIT + _in_words(sizes.least + sizes.headers)),)
        else:
            assert self.bits is not None
            limit, asked = math.floor(self.bits * sizes.parameters / 8), units.bits_per_weight(self.bits)
            step = (SetOption("strategy", f"{BITS}{bits_to_ask(sizes.least, sizes.parameters):g}"),)
        if limit < sizes.least:
            least = f"{units.size(sizes.least)}, {units.bits_per_weight(8 * sizes.least / sizes.parameters)}"
            raise InvalidRequest(
                f"{asked} are too few: with 2 bits for every layer that can be quantized, the model has {least}.",
                hint="Allow as much, or choose a smaller model.",
                remedies=step,
                code="budget_small",
            )
        if limit >= sizes.plain:
            raise InvalidRequest(
                f"{asked} are more than the model takes without quantization ({units.size(sizes.plain)}).",
                hint="Convert it without.",
                remedies=(SetOption("preset", "bf16"),),
                code="budget_large",
            )
        return limit

    def choose(self, layers: Sequence[MeasuredLayer], room: int) -> Mapping[str, Quantization]:
        """See MeasuredStrategy."""
        return shared_out(layers, room)

    def repeated(self, choice: Mapping[str, Quantization | None]) -> str:
        """See MeasuredStrategy."""
        return as_map(choice)


def all_options(layer: LayerInfo) -> tuple[Quantization, ...]:
    """All that MLX has of the mode affine for a layer of this width."""
    sizes = [size for size in AFFINE_GROUP_SIZES if layer.shape[-1] % size == 0]
    return tuple(Quantization(bits=bits, group_size=size) for bits in AFFINE_BITS for size in sizes)


def as_map(choice: Mapping[str, Quantization | None]) -> str:
    """The name of the strategy that is a map with every layer by its whole path."""
    by_numbers: dict[Quantization | None, list[str]] = {}
    for path, numbers in choice.items():
        by_numbers.setdefault(numbers, []).append(path)
    rules = {
        f"^(?:{'|'.join(map(re.escape, paths))})$": numbers and numbers.as_config()
        for numbers, paths in by_numbers.items()
    }
    return "map:" + to_json(rules).decode()


def shared_out(layers: Sequence[MeasuredLayer], room: int, *, enough: float = 0.0) -> dict[str, Quantization]:
    """Numbers for each of ``layers``, ``room`` bytes at most, with a small sum of errors: none is taken away any more
    once that is ``enough``.

    From the smallest choice on, whatever removes most error for a byte is taken (that is what a Lagrangian takes). A
    layer whose next step does not fit any more stays as it is, and the others go on. So more room never gives more
    error: the first step that fits in more room only removes more than all that less room can still hold, since no
    later step removes as much for a byte.
    """
    steps = [_steps(layer.choices) for layer in layers]
    at = [0] * len(layers)
    room -= sum(hull[0].nbytes for hull in steps)
    error = math.fsum(hull[0].error for hull in steps)
    queue = [(-_worth(*hull[:2]), place) for place, hull in enumerate(steps) if len(hull) > 1]
    heapq.heapify(queue)
    while queue and error > enough:
        _, place = heapq.heappop(queue)
        hull, now = steps[place], at[place]
        cost = hull[now + 1].nbytes - hull[now].nbytes
        if cost > room:
            continue
        room -= cost
        error -= hull[now].error - hull[now + 1].error
        at[place] = now + 1
        if now + 2 < len(hull):
            heapq.heappush(queue, (-_worth(*hull[now + 1 : now + 3]), place))
    return {layer.layer.path: hull[now].quantization for layer, hull, now in zip(layers, steps, at, strict=True)}


def _steps(choices: Sequence[LayerChoice]) -> list[LayerChoice]:
    """The choices that no mixture of two others beats, from the smallest on: each step is worth less than the last."""
    hull: list[LayerChoice] = []
    for choice in _improving(choices):
        while len(hull) > 1 and _worth(hull[-2], hull[-1]) <= _worth(hull[-1], choice):
            hull.pop()
        hull.append(choice)
    return hull


def _improving(choices: Sequence[LayerChoice]) -> Iterator[LayerChoice]:
    best = math.inf
    for choice in sorted(choices, key=lambda one: (one.nbytes, one.error)):
        if choice.error < best:
            best = choice.error
            yield choice


def _worth(one: LayerChoice, larger: LayerChoice) -> float:
    """The error that a byte removes."""
    return (one.error - larger.error) / (larger.nbytes - one.nbytes)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise _wrong(f"'{text}' is no number of bits per weight.", BITS + "4.5")
    return value


def _bytes(text: str) -> int:
    value = units.nbytes(text)
    if not value:
        raise _wrong(f"'{text}' is no size.", FIT + "6GB")
    return value


def _in_words(nbytes: int) -> str:
    """A size with three digits that holds ``nbytes``: ``98.1kB``."""
    step = 10 ** max(0, len(str(nbytes)) - 3)
    value = -(-nbytes // step) * step
    unit = next((name for name in "TGMk" if value >= _SCALES[name.lower()]), "")
    return f"{value / _SCALES[unit.lower()]:g}{unit}B"


def _wrong(message: str, example: str) -> InvalidRequest:
    return InvalidRequest(
        message,
        hint="Bits per weight are a number such as 4.5, a size is one such as 6GB or 750MB, in decimal units.",
        remedies=(SetOption("strategy", example),),
        code="budget",
    )
