"""A config put so that a class of mlx-lm reads in it what transformers reads.

transformers 5 moved the settings of rotary positions into ``rope_parameters``, where most of mlx-lm's classes don't
look: they take a default of their own instead, or can't be built. What is left out altogether has transformers'
default, which is not always the class's.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from mlx_convert_lm.config.families import IN_OTHER_WORDS, REWRITTEN, WITHIN, Read, width_of_heads
from mlx_convert_lm.config.rope import ALL, LOCAL, Rope, levels, main_kind, stated

DEFAULTS = Path(__file__).with_name("transformers_defaults.json")
# Fields of mlx-lm's classes that are `rope_theta` or `partial_rotary_factor` by another name.
_OTHER_NAMES: dict[str, Callable[[Mapping[str, Rope]], Any]] = {
    "rotary_emb_base": lambda kinds: main_kind(kinds).base,
    "rotary_pct": lambda kinds: main_kind(kinds).share,
    "rope_local_base_freq": lambda kinds: _of(kinds, LOCAL).base,
    "rope_local_theta": lambda kinds: _of(kinds, LOCAL).base,
    "swa_rope_theta": lambda kinds: _of(kinds, LOCAL).base,
}


def normalise(config: dict[str, Any], arguments: type[Any]) -> None:
    """Complete ``config`` in place for a class that is built from ``arguments``, with what it says or means already.

    What transformers 5 reads stays as it is, so that both generations of readers find the same numbers.
    """
    fields = inspect.signature(arguments).parameters
    for level in levels(config):
        own = fields if level is config else {}
        _fill(level)
        kinds = stated(level)
        if "rope_parameters" in level and kinds:
            _add_older_names(level, kinds, own)
        elif kinds and "rope_parameters" in own and "rope_theta" not in own:
            level["rope_parameters"] = _newer(kinds)
    if "rope_scaling" in fields and fields["rope_scaling"].default is inspect.Parameter.empty:
        config.setdefault("rope_scaling", None)
    _say_in_its_words(config, fields)


def _say_in_its_words(config: dict[str, Any], fields: Mapping[str, inspect.Parameter]) -> None:
    """Add what the class asks for and the config says otherwise, or leaves to be worked out."""
    if "head_dim" in fields and fields["head_dim"].default is not None:
        _add(config, "head_dim", width_of_heads)
    model_type = str(config.get("model_type"))
    for name, read in IN_OTHER_WORDS.get(model_type, {}).items():
        if name in fields:
            _add(config, name, read, anew=(model_type, name) in REWRITTEN)
    for level in levels(config):
        for name, read in WITHIN.get(str(level.get("model_type")), {}).items():
            _add(level, name, read)


def _add(level: dict[str, Any], name: str, read: Read, *, anew: bool = False) -> None:
    """Set ``name`` to what is read in ``level``, where it is not there, or is to be said ``anew``."""
    if level.get(name) is None or anew:
        with suppress(KeyError, TypeError, ValueError, ZeroDivisionError):
            level[name] = read(level)


def _add_older_names(level: dict[str, Any], kinds: Mapping[str, Rope], fields: Mapping[str, Any]) -> None:
    main = main_kind(kinds)
    if main.base is not None:
        level["rope_theta"] = main.base
    if main.share is not None and len({rope.share for rope in kinds.values()}) == 1:  # else it would be every kind's
        level["partial_rotary_factor"] = main.share
    if main.kind == "default":
        level.pop("rope_scaling", None)
    elif ALL in kinds or "rope_scaling" in fields or not fields:  # else transformers would take it for all kinds
        level["rope_scaling"] = dict(main.settings) | {"rope_type": main.kind, "type": main.kind}
    for name, read in _OTHER_NAMES.items():
        value = read(kinds)
        if value is not None and (
            name in fields or name in level or (name == "rope_local_base_freq" and LOCAL in kinds)
        ):
            level[name] = value


def _newer(kinds: Mapping[str, Rope]) -> dict[str, Any]:
    """``rope_parameters`` for what older names say."""
    made = {name: _parameters(rope) for name, rope in kinds.items()}
    return dict(made.get(ALL, made))


def _parameters(rope: Rope) -> dict[str, Any]:
    numbers = {"rope_theta": rope.base, "partial_rotary_factor": rope.share}
    given = {name: value for name, value in numbers.items() if value is not None}
    return {"rope_type": rope.kind, **rope.settings, **given}


def _of(kinds: Mapping[str, Rope], name: str) -> Rope:
    return kinds.get(name) or main_kind(kinds)


def _fill(level: dict[str, Any]) -> None:
    """Write out what a level calls otherwise, and transformers' defaults for what it leaves out altogether."""
    model_type = str(level.get("model_type"))
    for name, other in _table()["aliases"].get(model_type, {}).items():
        if name not in level and other in level:
            level[name] = level[other]
    kinds = stated(level)
    main = main_kind(kinds) if kinds else Rope(base=None)
    left_out = {"rope_theta": main.base is None, "partial_rotary_factor": main.share is None}
    for name, value in _table()["defaults"].get(model_type, {}).items():
        if left_out.get(name, name not in level):
            level[name] = value


@cache
def _table() -> dict[str, dict[str, dict[str, Any]]]:
    """By model type of mlx-lm, where its class differs from transformers: ``defaults`` of fields that a config leaves
    out, and ``aliases``, the names under which transformers saves them. tests/architectures/left_out.py writes it."""
    content: dict[str, dict[str, dict[str, Any]]] = json.loads(DEFAULTS.read_text(encoding="utf-8"))
    return content
