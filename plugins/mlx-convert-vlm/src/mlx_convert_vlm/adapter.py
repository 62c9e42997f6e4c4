"""The one module that calls mlx-vlm. By keyword only, and what comes back is looked at."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from mlx_convert_engine.model_classes import LazyModel

from mlx_convert_core.plugin import ConversionFailed, MlxConvertError, UnsupportedModel


def load_lazily(folder: Path, name: str, *, trust_remote_code: bool) -> LazyModel:
    """The checkpoint in ``folder``, called ``name`` in messages, by its own class, without reading a weight.

    Raises UnsupportedModel (code ``model_class``) with mlx-vlm's reason, and ConversionFailed (``mlx_vlm_drift``).
    """
    utils, arrays = public(), {}
    try:
        with _noting(utils, arrays):
            model = utils.load_model(model_path=folder, lazy=True, trust_remote_code=trust_remote_code)
        config = utils.load_config(model_path=folder, trust_remote_code=trust_remote_code)
    except (MemoryError, MlxConvertError):
        raise
    except (Exception, SystemExit) as error:  # a class whose own package is missing ends the program
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UnsupportedModel(
            f"mlx-vlm can't load {name}: {reason}.",
            hint="A newer mlx-vlm may know it. Its text model alone may convert: that leaves pictures and sound out.",
            code="model_class",
        ) from error
    if not hasattr(model, "parameters") or not isinstance(config, dict):
        raise ConversionFailed(
            "this release of mlx-vlm answers in a way that mlx-convert-vlm does not know.",
            hint="A newer mlx-convert-vlm, or an older mlx-vlm, goes together with the other.",
            code="mlx_vlm_drift",
        )
    own = getattr(model, "quant_predicate", None)
    return LazyModel(
        model=model,
        config=config,
        arrays=arrays,
        quant_predicate=lambda path, layer: not of_a_sense(path) and (True if own is None else own(path, layer)),
        cast_predicate=getattr(model, "cast_predicate", None),
        dtype=_dtype(config),
    )


def public() -> ModuleType:
    """``mlx_vlm.utils`` with all that it needs."""
    return importlib.import_module("mlx_vlm.utils")


def of_a_sense(path: str) -> bool:
    """Whether mlx-vlm leaves the layer at ``path`` unquantized as one of pictures or sound."""
    return bool(public().skip_multimodal_module(path))


def is_switch_linear(layer: Any) -> bool:
    """Whether ``layer`` is quantized as mlx-vlm's layer of stacked experts."""
    method = type(layer).to_quantized
    return (method.__module__, method.__qualname__) == ("mlx_vlm.models.switch_layers", "SwitchLinear.to_quantized")


@contextmanager
def _noting(utils: ModuleType, arrays: dict[str, Any]) -> Iterator[None]:
    """Note in ``arrays`` what the body has mlx-vlm read. A worker has one thread that loads, so nobody else sees it."""
    read = utils._load_safetensors

    def noting(path: str) -> Any:
        found = read(path)
        arrays.update(found)
        return found

    utils._load_safetensors = noting  # type: ignore[attr-defined]
    try:
        yield
    finally:
        utils._load_safetensors = read  # type: ignore[attr-defined]


def _dtype(config: Mapping[str, Any]) -> str | None:
    """The dtype that mlx_vlm.convert casts to: config's torch_dtype, or the text model's dtype."""
    text = config.get("text_config")
    found = config.get("torch_dtype") or (text.get("dtype") if isinstance(text, dict) else None)
    return str(found) if found else None
