"""The decoders of a source: asked of the plugins, and handed to the converter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from math import prod
from typing import Any

from mlx_convert_core.errors import MlxConvertError
from mlx_convert_core.model.adapters import config_with
from mlx_convert_core.model.decoded import WORDS, Claims, DecodedTensor
from mlx_convert_core.model.dtypes import NAMES
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.requests import ConvertRequest
from mlx_convert_core.model.safetensors import TensorInfo
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.plugins.decoding import DecodedModel, DecodingConverter, StoredTensors, TensorDecoder, decoded
from mlx_convert_core.plugins.model_converters import ModelConverter

HOOK = "tensor_decoder"
_SHOWN = frozenset((*NAMES, WORDS))  # types


def decoded_source(model: ModelInfo, request: ConvertRequest, hooks: Hooks) -> DecodedModel:
    """``model`` as the decoders of all plugins show it, those of third parties first. Raises PluginError."""
    offered = hooks.collect_named(HOOK, TensorDecoder, model=model, request=request)  # type: ignore[type-abstract]
    inner = sorted(offered, key=lambda one: bool(getattr(one[1], "last", False)))
    found = decoded(model, [_Guarded(decoder, plugin, hooks) for plugin, decoder in inner])
    if not model.adapters:
        return found
    return replace(found, model=replace(found.model, config=reduce(config_with, model.adapters, found.model.config)))


def with_decoders(converter: ModelConverter, source: DecodedModel) -> ModelConverter:
    """``converter``, reading ``source`` as it is shown, if it can and there is anything decoded."""
    if isinstance(converter, DecodingConverter) and (source.decoders or source.unneeded):
        return converter.decoding(source)
    return converter


class _Guarded:
    """A decoder whose plugin is named for what it raises or gives. Implements TensorDecoder."""

    def __init__(self, decoder: TensorDecoder, plugin: str, hooks: Hooks) -> None:
        self.name = decoder.name
        self._decoder = decoder
        self._plugin = plugin
        self._hooks = hooks

    @property
    def memory(self) -> int:
        """See TensorDecoder."""
        return int(getattr(self._decoder, "memory", 0))

    def claims(self, model: ModelInfo) -> Claims:
        """See TensorDecoder."""
        try:
            claims = self._decoder.claims(model)
            _check(claims, model)
        except MlxConvertError:
            raise
        except Exception as error:
            raise self._hooks.fault(self._plugin, HOOK, error) from error
        return claims

    def rows(self, tensor: DecodedTensor, start: int, stop: int, stored: StoredTensors) -> Any:
        """See TensorDecoder."""
        try:
            rows = self._decoder.rows(tensor, start, stop, stored)
            _check_rows(rows, tensor, stop - start)
        except (MlxConvertError, OSError, MemoryError):
            raise
        except Exception as error:
            raise self._hooks.fault(self._plugin, HOOK, error) from error
        return rows


def _check(claims: Any, model: ModelInfo) -> None:
    """Raise TypeError or ValueError for claims that can't be shown to a model class."""
    if not isinstance(claims, Claims):
        raise TypeError(f"gave {type(claims).__name__} for its claims, not Claims")
    if not claims.tensors and not claims.unneeded:
        return
    free = {tensor.name for tensor in model.tensors}
    for name in (*_taken(claims), *claims.unneeded):
        if name not in free:
            raise ValueError(f"claims {name}, which is not there or claimed twice")
        free.remove(name)
    for tensor in claims.tensors:
        if tensor.dtype not in _SHOWN or not tensor.shape or tensor.name in free:
            raise ValueError(f"shows {tensor.name} as {tensor.dtype} {tensor.shape}, which is nothing to show")
        free.add(tensor.name)


def _taken(claims: Claims) -> Iterator[str]:
    """The names of all parts, those of a layer once: they may be shown as several tensors."""
    known: dict[str, tuple[TensorInfo, ...]] = {}
    for tensor in claims.tensors:
        parts = tensor.parts
        if not parts or tensor.shard != parts[0].shard:
            raise ValueError(f"shows {tensor.name} in another file than its first part")
        if known.get(parts[0].name) != parts:
            known[parts[0].name] = parts
            yield from (part.name for part in parts)


def _check_rows(rows: Any, tensor: DecodedTensor, count: int) -> None:
    shape = tuple(getattr(rows, "shape", ()))
    if prod(shape) != count * tensor.shape[-1] or not shape:
        raise ValueError(f"gave an array of {shape} for {count} rows of {tensor.name}, each of {tensor.shape[-1]}")
