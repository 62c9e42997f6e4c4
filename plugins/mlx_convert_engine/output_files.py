"""The files of a converted folder as MLX readers expect them: weights, their index, config.json."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import Calibration, ModelInfo, OutputPlan, ShardWriter, file_names, quantization_config
from mlx_convert_engine.source_model import made_of
from mlx_convert_engine.stored_types import LACKING

NOT_PACKED_BY_MLX = ("bitnet",)  # methods with layers of their own, which mlx-lm finds by the source's word


def resumable_writer(
    folder: Path,
    model: ModelInfo,
    output: OutputPlan,
    calibration: Calibration | None = None,
    decoders: tuple[str, ...] = (),
) -> ShardWriter:
    """A writer that can take up a half-written folder, if that was made from the same source and numbers."""
    made_from = repr((made_of(model), output.quantized, output.dtype, output.method, calibration, decoders))
    return ShardWriter(folder, output.tensors, journal=folder.parent / "written", made_from=made_from, read_back=True)


def write_index(folder: Path, output: OutputPlan) -> None:
    """Write the index that names each tensor's shard (for one shard too, as mlx-lm does)."""
    index = {
        "metadata": {"total_size": output.tensor_bytes, "total_parameters": output.parameters},
        "weight_map": {tensor.name: tensor.shard for tensor in sorted(output.tensors, key=lambda one: one.name)},
    }
    (folder / file_names.INDEX).write_text(json.dumps(index, indent=4))


def write_config(folder: Path, config: dict[str, Any], output: OutputPlan) -> None:
    """Write config.json: the source's, with our quantization, sorted, and nothing of ours besides."""
    (folder / file_names.CONFIG).write_text(json.dumps(converted_config(config, output), indent=4))


def converted_config(config: dict[str, Any], output: OutputPlan) -> dict[str, Any]:
    """The config of a converted model. ``quantization`` is repeated as ``quantization_config``: the Hub
    then shows "Quantized", and transformers reads it."""
    result: dict[str, Any] = _without_places(config)
    result.pop("_name_or_path", None)
    for name in ("quantization", "quantization_config"):
        result.pop(name, None)
    if output.quantized:
        quantization = _quantization(config, output)
        result["quantization"] = quantization
        result["quantization_config"] = quantization
    elif (quantization_config(config) or {}).get("quant_method") in NOT_PACKED_BY_MLX:
        result["quantization_config"] = quantization_config(config)
    if output.dtype:
        for name in {"torch_dtype", "dtype"} & result.keys() or {"torch_dtype"}:
            result[name] = output.dtype
    for name in {"torch_dtype", "dtype"} & result.keys():
        result[name] = LACKING.get(str(result[name]), result[name])
    tagged: dict[str, Any] = _tagged(dict(sorted(result.items())))
    return tagged


def _quantization(config: dict[str, Any], output: OutputPlan) -> dict[str, Any]:
    """The default numbers, and an entry for each layer that differs from them."""
    carried = config.get("quantization")
    default = output.quantization.as_config() if output.quantization else {}
    if isinstance(carried, dict):  # layers that the source had quantized keep its numbers as the default
        default = {key: carried[key] for key in ("group_size", "bits", "mode") if carried.get(key) is not None}
        default.setdefault("mode", "affine")
    entries = {layer.path: layer.quantization.as_config() for layer in output.quantized}
    return default | {path: numbers for path, numbers in entries.items() if numbers != default}


def _without_places(value: Any) -> Any:
    """A copy of a config's part without the folders in which its parts once lay on somebody's machine."""
    if isinstance(value, dict):
        return {key: _without_places(item) for key, item in value.items() if not _is_place(key, item)}
    return [_without_places(item) for item in value] if isinstance(value, list | tuple) else value


def _is_place(key: str, value: Any) -> bool:
    return key in ("_name_or_path", "name_or_path") and str(value).startswith(("/", "~", "."))


def _tagged(value: Any) -> Any:
    """Infinity and NaN as transformers writes them, since JSON has neither."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"__float__": "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")}
    if isinstance(value, dict):
        return {key: _tagged(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tagged(item) for item in value]
    return value
