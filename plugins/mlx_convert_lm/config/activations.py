"""Whether the feed-forward layers of a model use the function that its config names: many classes know one alone.

A class is asked, not read: its layer runs on a few numbers with its matrices taken out, which leaves the function.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

from mlx_convert_core.plugin import Finding
from mlx_convert_lm.config.differences import Differences
from mlx_convert_lm.config.rope import levels

_NAMES = ("hidden_activation", "hidden_act", "activation_function")
_FORMS = (("gate_proj", "up_proj", "down_proj"), ("w1", "w3", "w2"), ("up_proj", "down_proj"), ("fc1", "fc2"))
_POINTS = (-2.5, -1.0, -0.3, 0.0, 0.4, 1.2, 3.0)
# The kinds of GELU differ by up to 0.0005 there but for the quick one (0.02), the nearest other function by 0.1.
_TOLERANCE = 5e-3


def check_activation(model: Any, config: Mapping[str, Any], differences: Differences) -> tuple[Finding, ...]:
    """Raise UnsupportedModel (``activation_differs``) where ``model`` uses another function than ``config`` names.

    Layers of other forms than the usual ones are not asked.
    """
    named = _named(config)
    wanted = _FUNCTIONS.get(named)
    found = _of_model(model) if wanted is not None else None
    if wanted is None or found is None or _alike(found, [wanted(point) for point in _POINTS]):
        return ()
    ours = next((name for name, function in _FUNCTIONS.items() if _alike(found, [*map(function, _POINTS)])), "another")
    told = f"mlx-lm's class for {differences.name} computes with {ours}, where config.json says {named}"
    raise differences.refuse("activation_differs", told, keeps="that")


def _named(config: Mapping[str, Any]) -> str:
    found = ""
    for level in levels(dict(config)):
        names = [level[name] for name in _NAMES if isinstance(level.get(name), str)]
        found = names[0] if names else found
    return found


def _of_model(model: Any) -> list[float] | None:
    """The function of the first feed-forward layer of a usual form, at `_POINTS`; None when there is none."""
    for path, module in model.named_modules():
        form = next((form for form in _FORMS if set(form) == set(module.children())), None)
        if form is not None and not any(word in path for word in ("vision", "visual", "audio")):
            try:
                return _asked(module, form)
            except Exception:  # a layer that does more with its matrices than to multiply
                return None
    return None


def _asked(layer: Any, form: tuple[str, ...]) -> list[float] | None:
    import mlx.core as mx

    class Same:
        def __call__(self, inputs: Any) -> Any:
            return inputs

    class Ones:
        def __call__(self, inputs: Any) -> Any:
            return mx.ones_like(inputs)

    probe = copy.copy(layer)
    for name in form:
        probe[name] = Same()
    if len(form) == 3:
        probe[form[1]] = Ones()
    values = probe(mx.array([_POINTS]))
    return [float(value) for value in values.reshape(-1).tolist()] if values.size == len(_POINTS) else None


def _alike(one: list[float], other: list[float]) -> bool:
    return all(abs(left - right) <= _TOLERANCE for left, right in zip(one, other, strict=True))


def _silu(value: float) -> float:
    return value / (1 + math.exp(-value))


def _gelu(value: float) -> float:
    return value * (1 + math.erf(value / math.sqrt(2))) / 2


def _relu2(value: float) -> float:
    return max(value, 0.0) ** 2


# Those of transformers' ACT2FN that language models use, by their names there.
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    **dict.fromkeys(("silu", "swish"), _silu),
    **dict.fromkeys(("gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python", "gelu_accurate"), _gelu),
    "relu": lambda value: max(value, 0.0),
    "relu2": _relu2,
    "quick_gelu": lambda value: value / (1 + math.exp(-1.702 * value)),
    "tanh": math.tanh,
    "sigmoid": lambda value: 1 / (1 + math.exp(-value)),
}
