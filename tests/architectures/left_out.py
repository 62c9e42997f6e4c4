"""Write what transformers takes for the settings that a config.json leaves out, where mlx-lm's class takes another.

python tests/architectures/left_out.py --write     (without it: print the table)
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

# What a file's tensors decide, what is no part of the model, and what transformers works out from other settings.
_DECIDED = {"model_type", "tie_word_embeddings", "rope_scaling", "rope_parameters", "moe_layer_end_index"}
# Where the class's None means a value of its own, transformers' number counts for these alone.
_COUNTS = {"head_dim", "num_key_value_heads", "rope_theta"}
# Sizes that the class asks for: a config without them is no config, and the tensors show what they are.
_SIZES = re.compile(
    "hidden_size|vocab|layers?$|intermediate_size|attention_heads|n_heads?$|n_embd|n_pos|d_model|experts$|max_pos|_rank$"
)


def table() -> dict[str, dict[str, Any]]:
    """By model type of mlx-lm that transformers knows: field and default."""
    found = {name: dict(sorted(_differing(arguments, config))) for name, arguments, config in _shared()}
    return {name: fields for name, fields in found.items() if fields}


def _differing(arguments: type[Any], config: type[Any]) -> Iterator[tuple[str, Any]]:
    declared = _declared(config)
    for name, parameter in inspect.signature(arguments).parameters.items():
        value = declared.get(name)
        if name in _DECIDED or name in getattr(config, "attribute_map", {}):
            continue
        if not isinstance(value, bool | int | float) or value < 0 or parameter.default == value:
            continue
        if parameter.default is inspect.Parameter.empty and _SIZES.search(name):
            continue
        if parameter.default is not None or name in _COUNTS:
            yield name, value


def aliases() -> dict[str, dict[str, str]]:
    """By model type: a field of mlx-lm's class, and what transformers 5 calls and saves it as."""
    found = {}
    for model_type, arguments, config in _shared():
        saved, other = config().to_dict(), getattr(config, "attribute_map", {})
        fields = inspect.signature(arguments).parameters
        found[model_type] = {name: other[name] for name in sorted(fields) if name in other and other[name] in saved}
    return {name: fields for name, fields in found.items() if fields}


def _shared() -> Iterator[tuple[str, type[Any], type[Any]]]:
    """The model types that both libraries know, with the arguments of the one and the configuration of the other."""
    from mlx_convert_lm.architectures import model_types
    from mlx_lm.utils import _get_classes
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

    for model_type in model_types():
        if model_type not in CONFIG_MAPPING_NAMES:
            continue
        try:
            _, arguments = _get_classes({"model_type": model_type})
        except SystemExit:  # the class wants a package of its own
            continue
        if "text_config" not in inspect.signature(arguments).parameters:
            yield model_type, arguments, CONFIG_MAPPING[model_type]


def _declared(config: type[Any]) -> dict[str, Any]:
    """The defaults that a class of transformers declares, not what it makes of them."""
    declared: dict[str, Any] = {}
    for one in reversed(config.__mro__):
        declared |= {name: value for name, value in vars(one).items() if not name.startswith("_")}
    parameters = getattr(config(), "rope_parameters", None) or {}
    rope = parameters.get("full_attention") or parameters
    if rope.get("rope_theta") is not None:
        declared["rope_theta"] = rope["rope_theta"]
    if parameters.get("partial_rotary_factor") is not None:
        declared["partial_rotary_factor"] = parameters["partial_rotary_factor"]
    return declared


def main() -> None:
    """Print the table, or write it where `mlx_convert_lm` reads it."""
    from mlx_convert_lm.config.normal import DEFAULTS

    text = json.dumps({"defaults": table(), "aliases": aliases()}, indent=1, sort_keys=True) + "\n"
    if "--write" in sys.argv:
        DEFAULTS.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
