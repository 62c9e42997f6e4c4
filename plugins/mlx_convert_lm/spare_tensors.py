"""Tensors that a model class of mlx-lm has no place for, and need not: beside a language model that is whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mlx_convert_core.plugin import TensorKinds, UnsupportedModel
from mlx_convert_lm.architectures import module_of

SPARE = ("buffer", "draft", "empty", "head")  # many classes drop them; here all do, and the plan says so


def without_spare(weights: Any, model: Any, kinds: TensorKinds) -> Any:
    """``weights`` as the class of ``model`` sanitized them, without spare ones that it has no place for."""
    from mlx.utils import tree_flatten

    if not isinstance(weights, dict):
        return weights
    places = {name.rpartition(".")[0] for name, _ in tree_flatten(model.parameters())}
    return {
        name: array
        for name, array in weights.items()
        if name.rpartition(".")[0] in places or kinds.of(name, tuple(array.shape)) not in SPARE
    }


def another_kind(name: str, tensors: Iterable[str], reason: str) -> UnsupportedModel | None:
    """Why the checkpoint ``name`` with ``tensors`` is no whole language model, None when they don't tell.

    ``reason`` is what mlx-lm says of it: that tensors are missing, or have no place.
    """
    if not re.search(r"Missing \d+ parameters|parameters not in model", reason):
        return None
    kinds = TensorKinds({})
    named = {kinds.of(tensor): tensor for tensor in sorted(tensors, reverse=True)}
    if "adapter" in named:
        return UnsupportedModel(
            f"{name} holds an adapter (LoRA) that was not merged into its weights, {named['adapter']} for one.",
            hint="Merge it first, with merge_and_unload of the library peft, and convert what that saves.",
            code="lora_unmerged",
        )
    if "head" in named and re.search(r"Missing 1 parameters: \s*lm_head", reason):
        return UnsupportedModel(
            f"{name} scores or classifies text ({named['head']}) and has no output head, so it can't answer.",
            hint="Convert the language model that it was made from.",
            code="classifier",
        )
    return None


def text_class(config: Mapping[str, Any]) -> dict[str, Any]:
    """The ``architectures`` of what is left when ``config``'s model has lost pictures and sound.

    They are those of the text model's own config, or as transformers names classes. None where mlx-lm, which reads the
    field too, would take another class for it.
    """
    text = config.get("text_config")
    own = text.get("architectures") if isinstance(text, Mapping) else None
    named = own if isinstance(own, list) and own else config.get("architectures")
    if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
        return {}
    result = {"architectures": [re.sub(r"For[A-Z]\w*$", "ForCausalLM", one) for one in named]}
    return result if module_of({**config, **result}) == module_of(config) else {}
