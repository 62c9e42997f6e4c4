"""Whether a model that was built turns its heads by the angles that its config states.

Some classes of mlx-lm have no place for what a config says: they would run with another base or without its scaling,
and answer a little worse, or in noise, without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import Finding
from mlx_convert_lm.config.differences import Differences
from mlx_convert_lm.config.rope import ALL, Rope, levels, main_kind, stated

_TOLERANCE = 1e-3  # of a frequency: float32 against our float64, through logarithms
_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)\.")
# Made for texts longer than those of the training: without it a short text comes out right.
_FOR_LONGER_TEXTS = ("yarn", "deepseek_yarn", "telechat3-yarn", "longrope", "su", "dynamic")


@dataclass(frozen=True, slots=True)
class Turning:
    """A layer's own rotary positions: where, inverse frequencies, and the factor on what is turned."""

    path: str
    frequencies: list[float]
    amplitude: float


def check_rope(model: Any, config: Mapping[str, Any], differences: Differences) -> tuple[Finding, ...]:
    """Findings on where ``model`` computes its rotary positions otherwise than ``config`` says.

    Raises UnsupportedModel, code ``rope_differs``, where every text would come out wrong.
    """
    kinds, level = _text_level(config)
    if not kinds:
        return ()
    for turning in turnings(model):
        ropes = _kinds_of(turning.path, kinds, level)
        try:
            told = [_difference(turning, rope, level) for rope in ropes]
        except (KeyError, TypeError, ValueError, ZeroDivisionError):  # the class's own words say more about odd numbers
            return ()
        if all(told):
            return (_finding(differences, turning, ropes[0], told[0]),)
    return ()


def _text_level(config: Mapping[str, Any]) -> tuple[dict[str, Rope], Mapping[str, Any]]:
    """The innermost part of a config that says something about rotary positions."""
    found: tuple[dict[str, Rope], Mapping[str, Any]] = {}, config
    for level in levels(dict(config)):
        kinds = stated(level)
        if kinds:
            found = kinds, level
    return found


def _finding(differences: Differences, turning: Turning, rope: Rope, told: str) -> Finding:
    told = f"mlx-lm's class for {differences.name} {told}, at {turning.path or 'every layer'} for one"
    if rope.kind not in _FOR_LONGER_TEXTS:
        raise differences.refuse("rope_differs", told, keeps="these settings")
    hint = "Answers may differ from the original's, most in long texts. Compare the two before you rely on it."
    return differences.warn("rope_differs", told, hint)


def _difference(turning: Turning, rope: Rope, level: Mapping[str, Any]) -> str:
    """What is different, as the end of a sentence; "" when nothing is."""
    width, longest = 2 * len(turning.frequencies), float(level.get("max_position_embeddings") or 0)
    share = _width(rope, level)
    if share and width != share and rope.kind != "proportional":
        return f"turns {width} numbers of each head, where config.json says {share}"
    wanted = rope.frequencies(width, longest)
    if wanted is None:
        return f"is given a scaling of rotary positions ({rope.kind}) that nobody here can check"
    if _close(turning.frequencies, wanted):
        amplitude = rope.amplitude(longest)
        same = _close([turning.amplitude], [amplitude])
        return "" if same else f"multiplies by {turning.amplitude:.4g}, where {rope.kind} scaling makes {amplitude:.4g}"
    base = _base(turning.frequencies)
    if rope.kind == "default":
        return f"turns heads with base {base:.6g}, where config.json says {rope.base or 10_000:.6g}"
    if _close(turning.frequencies, Rope(base=rope.base).frequencies(width) or []):
        return f"does not apply the {rope.kind} scaling of rotary positions that config.json asks for"
    if rope.kind in ("longrope", "su"):
        return "uses the factors for long texts of its longrope scaling for short texts, too"
    return f"computes the {rope.kind} scaling of rotary positions in a way of its own"


def _kinds_of(path: str, kinds: Mapping[str, Rope], level: Mapping[str, Any]) -> list[Rope]:
    """The rotary positions that a config states for the layer at ``path``: more where it does not say of which kind
    a layer is."""
    types, found = level.get("layer_types"), _LAYER.search(f"{path}.")
    if ALL not in kinds and isinstance(types, list) and found and int(found[1]) < len(types):
        return [kinds.get(str(types[int(found[1])])) or main_kind(kinds)]
    return list(kinds.values())


def _width(rope: Rope, level: Mapping[str, Any]) -> int:
    """How many numbers of a head are turned; 0 when the config does not say so in the usual words."""
    head, hidden, heads = (level.get(name) for name in ("head_dim", "hidden_size", "num_attention_heads"))
    if rope.share is None or level.get("qk_rope_head_dim") or level.get("rotary_dim"):
        return 0
    if not head and isinstance(hidden, int) and isinstance(heads, int):
        head = hidden // heads
    return int(head * rope.share) // 2 * 2 if isinstance(head, int) else 0


def turnings(model: Any) -> Iterator[Turning]:
    """The rotary positions in a model, of all kinds that mlx-lm has; each only once."""
    seen: set[int] = set()
    for path, module in model.named_modules():
        if id(module) in seen or _foreign(path):
            continue
        seen.add(id(module))
        frequencies = _frequencies(module)
        if frequencies:
            factor = getattr(module, "mscale", None) or getattr(module, "_scale", None) or 1.0
            yield Turning(path, frequencies, float(factor) if isinstance(factor, int | float) else 1.0)


def _foreign(path: str) -> bool:
    return any(word in path for word in ("vision", "visual", "audio", "index"))


def _frequencies(module: Any) -> list[float]:
    """The inverse frequencies of a module; empty for one that turns nothing."""
    own = getattr(module, "_freqs", None)
    if own is not None and hasattr(own, "tolist"):
        return [0.0 if one in (float("inf"), float("-inf")) else 1 / abs(one) for one in own.tolist()]
    if "RoPE" not in type(module).__name__:
        return []
    base = getattr(module, "original_base", None) or getattr(module, "base", None)
    width = getattr(module, "dims", None)
    scale = getattr(module, "scale", 1.0)
    if not all(isinstance(one, int | float) for one in (base, width, scale)):
        return []
    return [float(scale) * float(base) ** (-step / width) for step in range(0, int(width), 2)]


def _base(frequencies: list[float]) -> float:
    """The base behind plain frequencies."""
    return float((frequencies[0] / frequencies[1]) ** len(frequencies)) if len(frequencies) > 1 else 0.0


def _close(ours: Iterable[float], theirs: Iterable[float]) -> bool:
    pairs = list(zip(ours, theirs, strict=False))
    return all(abs(one - two) <= _TOLERANCE * max(abs(one), abs(two)) for one, two in pairs)
