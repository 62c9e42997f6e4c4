"""What is relied on where a model is found, built and looked through."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlx_convert_lm.contract.touchpoint import Touchpoint, lacking


def _loader() -> str:
    """load_model takes the keywords that we give, and the function that finds classes is its default argument."""
    from mlx_lm.utils import load_model

    wanted = ("model_path", "lazy", "strict", "get_model_classes", "trust_remote_code")
    missing = lacking(load_model, wanted)
    if missing:
        return f"mlx_lm.utils.load_model takes no {missing}"
    default = inspect.signature(load_model).parameters["get_model_classes"].default
    if not callable(default):
        return "get_model_classes of mlx_lm.utils.load_model has no default to go on with"
    return "" if not lacking(default, ("config",)) else "the default of get_model_classes takes no config"


def _tables() -> str:
    """The tables of other names for a model type are literals at the top of mlx_lm/utils.py."""
    from mlx_lm import utils

    from mlx_convert_lm.architectures import literal_tables

    read = literal_tables()
    real = {name: value for name, value in vars(utils).items() if name.startswith("MODEL_") and isinstance(value, dict)}
    differing = [name for name, value in real.items() if read.get(name) != value]
    if differing or "MODEL_REMAPPING" not in real:
        tables = ", ".join(differing) or "MODEL_REMAPPING"
        return f"{tables} of mlx_lm/utils.py can't be read without importing it"
    return ""


def _model_files() -> str:
    """Each file in mlx_lm/models that makes a Model is a model type."""
    from mlx_convert_lm.architectures import model_types

    found = set(model_types())
    missing = {"llama", "qwen3", "gemma3", "mixtral", "deepseek_v3", "mistral"} - found
    return f"no file in mlx_lm/models is known as {', '.join(sorted(missing))}" if missing or len(found) < 100 else ""


def _switch_linear() -> str:
    """The layer of stacked experts quantizes by rows, and is known by its name in whichever copy of the module."""
    import mlx.core as mx
    from mlx_lm.models.switch_layers import SwitchLinear

    from mlx_convert_lm.adapter import is_switch_linear

    layer = SwitchLinear(64, 8, 2, bias=False)
    if not is_switch_linear(layer):
        return "mlx_lm.models.switch_layers.SwitchLinear.to_quantized has another name"
    quantized = layer.to_quantized(group_size=32, bits=4)
    apart = mx.quantize(layer.weight, group_size=32, bits=4)
    same = bool(mx.array_equal(quantized.weight, apart[0])) and bool(mx.array_equal(quantized.scales, apart[1]))
    return "" if same else "SwitchLinear is not quantized row by row any more"


def _module_count() -> str:
    """A module that is built runs the __init__ that nn.Module has at that moment, so that modules can be counted."""
    import mlx.nn as nn

    from mlx_convert_core.plugin import CorruptCheckpoint
    from mlx_convert_lm.module_limit import MODULES, filled_by

    with tempfile.TemporaryDirectory() as empty:
        try:
            with filled_by(Path(empty), "empty"):
                for _ in range(MODULES + 1):
                    nn.GELU()
        except CorruptCheckpoint:
            return ""
    return "modules of mlx.nn are built without the __init__ of mlx.nn.Module"


def _messages() -> str:
    """The reasons that mlx-lm and MLX give for not loading a model, which become errors of ours by their words."""
    import mlx.nn as nn

    texts = "".join(Path(str(module)).read_text(encoding="utf-8") for module in _sources("mlx_lm.utils"))
    texts += inspect.getsource(nn.Module.load_weights)
    phrases = ("Model type", "not supported", "custom module", "Missing", "parameters not in model", "Expected shape")
    gone = [phrase for phrase in phrases if phrase not in texts]
    return f"no message says {', '.join(map(repr, gone))} any more" if gone else ""


def _graph() -> str:
    """An array that was only loaded exports as a lone Load, stacked ones as a Concatenate of them."""
    import mlx.core as mx
    from mlx_convert_engine.provenance import Provenance

    from mlx_convert_core.plugin import read_header

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        mx.save_safetensors(str(path), {name: mx.zeros((2, 3)) for name in ("a", "b")})
        arrays: dict[str, Any] = dict(mx.load(str(path)))
        tensors = {tensor.name: tensor for tensor in read_header(path)}
        provenance = Provenance(arrays, tensors)
        if provenance.sources(arrays["a"]) != (tensors["a"],):
            return "mx.export_to_dot no longer shows that an array was only loaded"
        stacked = mx.concatenate([arrays["a"], arrays["b"]])
        if provenance.sources(stacked) != (tensors["a"], tensors["b"]):
            return "mx.export_to_dot no longer shows what is joined"
        if provenance.sources(arrays["a"] * 2) is not None:
            return "mx.export_to_dot no longer shows that an array was computed"
    return ""


def _stand_ins() -> str:
    """mlx_lm.utils can be imported without the libraries behind its tokenizers, and needs none of them to load."""
    from mlx_convert_lm.importing import UNUSED, loader_of_models

    if any(name in sys.modules for name in ("mlx_lm", *UNUSED)):
        return ""  # what is imported already is used as it is
    with loader_of_models() as module:
        heavy = [name for name in UNUSED if name in sys.modules]
        if heavy:
            return f"{', '.join(heavy)} is imported along with mlx_lm.utils now: a conversion starts later"
        return "" if callable(module.load_model) else "mlx_lm.utils has no load_model"


def _sources(*modules: str) -> Iterator[str]:
    for module in modules:
        found = importlib.util.find_spec(module)
        if found is not None and found.origin:
            yield found.origin


LOADING = (
    Touchpoint("private import", "importing.py", _stand_ins),  # first: it says most before mlx_lm is imported
    Touchpoint("load_model", "adapter.py", _loader),
    Touchpoint("other names of model types", "architectures.py", _tables),
    Touchpoint("files of model classes", "architectures.py", _model_files),
    Touchpoint("layers of stacked experts", "adapter.py", _switch_linear),
    Touchpoint("counting modules", "module_limit.py", _module_count),
    Touchpoint("messages", "load_errors.py", _messages),
    Touchpoint("graph export", "mlx_convert_engine/provenance.py", _graph),
)
