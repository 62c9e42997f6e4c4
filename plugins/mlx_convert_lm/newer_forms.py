"""Tensors as transformers 5 saves them, where the class of mlx-lm knows them in the form of their first publication."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Arrays = dict[str, Any]
_GPT_OSS = (".experts.gate_up_proj", ".experts.down_proj")
_DENSE = re.compile(r"\.block_sparse_moe\.(gate|up|down)_proj\.")
_EXPERT = re.compile(r"(.+\.mlp)\.experts\.(\d+)\.(\w+)\.(\w+)")


def as_published(config: Mapping[str, Any], arrays: Arrays) -> Arrays:
    """``arrays`` of a model with ``config``, as its class takes them; nothing is computed yet."""
    form = _FORMS.get(str(config.get("model_type")))
    return form(arrays) if form is not None else arrays


def published_class(config: Mapping[str, Any]) -> list[str] | None:
    """The ``architectures`` by which mlx-lm finds the class of a model, where transformers calls it otherwise."""
    if config.get("architectures") == ["BailingHybridForCausalLM"] and "kda_lower_bound" in config:
        return ["BailingMoeV3ForCausalLM"]
    return None


def _outputs_first(arrays: Arrays) -> Arrays:
    """The experts of gpt-oss, which are saved with their inputs first, as OpenAI's own packed ones were not."""
    return {
        f"{name}.weight" if name.endswith(_GPT_OSS) else name: array.swapaxes(-1, -2)
        if name.endswith(_GPT_OSS)
        else array
        for name, array in arrays.items()
    }


def _delta_outputs(arrays: Arrays) -> Arrays:
    """The last projection of linear attention, which is saved by the name that it has in the other layers."""
    linear = {name.removesuffix("A_log") for name in arrays if name.endswith(".attention.A_log")}
    found = {}
    for name, array in arrays.items():
        lead, dense, leaf = name.partition("dense.")
        found[f"{lead}o_proj.{leaf}" if dense and lead in linear else name] = array
    return found


def _stacked(arrays: Arrays) -> Arrays:
    """Experts one by one, in stacks: published so, they are saved apart."""
    import mlx.core as mx

    found: dict[str, dict[int, Any]] = {}
    others = {}
    for name, array in arrays.items():
        one = _EXPERT.fullmatch(name)
        if one is None:
            others[name] = array
        else:
            found.setdefault(f"{one[1]}.switch_mlp.{one[3]}.{one[4]}", {})[int(one[2])] = array
    stacks = {name: mx.stack([apart[number] for number in sorted(apart)]) for name, apart in found.items()}
    return others | stacks


def _renamed(pattern: re.Pattern[str], new: str) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {pattern.sub(new, name): array for name, array in arrays.items()}


_FORMS: dict[str, Callable[[Arrays], Arrays]] = {
    "bailing_hybrid": _delta_outputs,
    "gpt_oss": _outputs_first,
    "kimi_linear": _renamed(_DENSE, r".mlp.\1_proj."),
    "llama4_text": _renamed(re.compile(r"^lm_head\."), "output."),
    "qwen3_5_moe": _stacked,
}
