"""What the engine has to be told by a library of model classes, such as mlx-lm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mlx_convert_core.plugin import Finding, ModelInfo, UnsupportedModel
from mlx_convert_engine.texts import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class LazyModel:
    """A model of its own class, built from a folder without reading a weight.

    ``model`` is an mlx.nn.Module; ``arrays`` are the unread arrays that its class was handed, by their names in the
    checkpoint. ``config`` is config.json as the library understands it, from which the output's is made.
    ``quant_predicate`` is the class's own answer for a layer (path, module), where it has one: false keeps the layer,
    true quantizes it as asked, a mapping says bits, group size and mode. ``cast_predicate`` tells for a parameter's
    name whether it may be cast. ``spared`` tells for a layer's path whether it stays whole, whatever a strategy says.
    ``dtype`` is what the library casts to when nobody says otherwise, None for no cast.
    ``drops`` names entries of the config that mean nothing for the output; ``text_only_config`` are entries that take
    the place of the config's own in an output that has lost pictures and sound. ``findings`` say what was done to the
    source to have its class take it, and where the class computes otherwise than the config says. ``only_as_stored`` is
    why no layer may be quantized, None when they may.
    """

    model: Any
    config: dict[str, Any]
    arrays: dict[str, Any]
    quant_predicate: Callable[[str, Any], bool | Mapping[str, Any]] | None = None
    cast_predicate: Callable[[str], bool] | None = None
    spared: Callable[[str], bool] | None = None
    dtype: str | None = None
    drops: frozenset[str] = field(default_factory=frozenset)
    text_only_config: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    only_as_stored: UnsupportedModel | None = None


class ModelClasses(Protocol):
    """A library of model classes, asked in a worker only."""

    name: str
    """What to call the library in a message, such as ``mlx-lm``."""

    @property
    def memory(self) -> int:
        """Bytes of memory that the library takes once it has loaded a model, beyond what mlx-lm's classes do."""

    def load(self, folder: Path, model: ModelInfo, planned: frozenset[str] | None = None) -> LazyModel:
        """The checkpoint in ``folder``, which is that of ``model`` or stands in for it, by its own class, lazily.

        ``planned`` are the names of the tensors that outputs are to have, None while that is what is asked: what was
        settled by looking into the files is not asked again, since on the way they may not be there.
        Raises CorruptCheckpoint and UnsupportedModel.
        """

    def quantizes_by_rows(self, layer: Any) -> bool:
        """Whether ``layer``, of a class of the library's own, quantizes its weight, and only that, with mx.quantize.

        Each row is then quantized for itself, so that a large layer needs never be whole in memory. mlx's own Linear
        and Embedding are known to do so and are not asked for.
        """

    def cache_bytes(self, model: Any, tokens: int) -> int:
        """Bytes of the key/value cache of ``model``, whose weights need not be there, after ``tokens`` tokens; 0 where
        the library can't tell."""

    def empty_cache(self, model: Any) -> list[Any] | None:
        """An empty key/value cache, with which ``model`` is called for one token after the other; None where it can't
        be called so."""

    def tokenizer(self, folder: Path) -> Tokenizer | None:
        """What makes token ids of text for the checkpoint in ``folder``; None where it can't be had."""


def widened_on_cpu(model: Any) -> None:
    """Have ``model`` compute in float32 on a CPU, where 16-bit activations are many times slower and less exact, and
    expert layers lack them; elsewhere it stays as it is."""
    import mlx.core as mx
    from mlx.utils import tree_map

    if mx.default_device() != mx.cpu:
        return

    def widen(array: Any) -> Any:
        return array.astype(mx.float32) if mx.issubdtype(array.dtype, mx.floating) else array

    model.update(tree_map(widen, model.parameters()))
