"""What lies between a source and its model class: in which form the class is handed what was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlx_convert_engine.eight_bit_floats import Expansion, expanded, expansions
from mlx_convert_engine.renaming import Renaming, changed, lead_of

from mlx_convert_core.plugin import (
    DecodedTensor,
    Finding,
    MlxConvertError,
    ModelInfo,
    Remedies,
    SetOption,
    TensorInfo,
    UnsupportedModel,
    leftover_method,
    packed_tensors,
)
from mlx_convert_lm.newer_forms import as_published, published_class
from mlx_convert_lm.packers import packed_words, refusal_code

# Errors that other names may mend: tensors without a place, or places without one.
MISNAMED = ("extra_tensors", "missing_tensors", "tied", "model_class", "bad_config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handing:
    """The form of the source called ``name``.

    ``settings`` go over its config.json: entries that say that it is packed, and are wrong or become so, are None.
    ``expands`` are weights in 8-bit floats, ``renaming`` has the new names of tensors, {} when they keep theirs.
    ``wanted`` takes the names that the class has, once it is built, and ``built`` its layers. ``folder`` is where the
    weights are, if they are on this machine: what the class is given may stand in for them. ``steps`` lead to the
    model's page.
    """

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    tensors: Sequence[TensorInfo] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    expands: tuple[Expansion, ...] = ()
    renaming: Renaming = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)
    folder: Path | None = None
    built: dict[str, type[Any]] = field(default_factory=dict)
    steps: Remedies = ()

    @classmethod
    def of(cls, source: ModelInfo) -> Handing:
        """The form of a source that keeps its names."""
        config, tensors = source.config, source.tensors
        expands = expansions(config, tensors)
        gone = {one.name for expansion in expands for one in (expansion.weight, expansion.scale)}
        left = [tensor for tensor in tensors if tensor.name not in gone]
        decoded = any(isinstance(tensor, DecodedTensor) for tensor in tensors)
        unpacked = leftover_method(config, left) or ((expands or decoded) and not packed_tensors(left))
        settings = _without_quantization(config) if unpacked else {}
        published = published_class(config)
        if published:
            settings["architectures"] = published
        here = source.path if source.path is not None and source.path.is_dir() else None
        return cls(
            name=source.name,
            config=config,
            tensors=tensors,
            settings=settings,
            expands=expands,
            folder=here,
            steps=source.to_its_page,
        )

    def under(self, renaming: Renaming) -> Handing:
        """The same with other names."""
        return replace(self, renaming=renaming)

    @property
    def shards(self) -> set[str] | None:
        """The names of its weight files, None where nothing is known of the source."""
        return {tensor.shard for tensor in self.tensors} or None

    def form(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """What the class is handed in place of ``arrays``, by name; nothing is computed yet."""
        found = expanded(arrays, self.expands) if self.expands else dict(arrays)
        if self.renaming:
            found = {self.renaming.get(name, name): array for name, array in found.items()}
        return as_published(self.config, found)

    def findings(self) -> Iterator[Finding]:
        """What was done that a person may want to know."""
        new = changed(self.renaming)
        if new:
            old = min(new, key=lambda one: (len(one), one))
            yield Finding(
                code="renamed",
                level="info",
                message=f"{self.name} names its tensors otherwise than its model class: {len(new):,} are renamed,"
                f" {old} to {new[old]} for one.",
            )

    def reason(self, error: MlxConvertError) -> MlxConvertError:
        """What to say when the class takes the source under no names: ``error``, or the reason behind it."""
        packed = [tensor for tensor in packed_tensors(self.tensors) if not self._expands(tensor)]
        if packed and self.wanted:
            return UnsupportedModel(
                f"{self.name} is {packed_words(self.config, packed)}, and mlx-lm's class for this architecture"
                " does not take that over.",
                hint="Have plain numbers made of them first, or convert the original bf16 model.",
                remedies=(SetOption("dequantize", True),),
                code=refusal_code(self.config),
            )
        mine, theirs = lead_of(tensor.name for tensor in self.tensors), lead_of(self.wanted)
        if error.code not in ("extra_tensors", "missing_tensors", "model_class") or not theirs or mine == theirs:
            return error
        return UnsupportedModel(
            f"{self.name} names its layers {mine}0 and so on, its model class {theirs}0, and no plain renaming makes"
            f" them fit ({error.message.rstrip('.')}).",
            hint="Save the model again by the library that made it, or look for one in the layout of transformers.",
            code="names",
        )

    def _expands(self, tensor: TensorInfo) -> bool:
        return any(tensor in (expansion.weight, expansion.scale) for expansion in self.expands)


def _without_quantization(config: Mapping[str, Any]) -> dict[str, Any]:
    """None for each entry about quantization, also under text_config and in a file beside config.json."""
    settings: dict[str, Any] = {"quantization": None, "quantization_config": None}
    text = config.get("text_config")
    if isinstance(text, dict) and "quantization_config" in text:
        settings["text_config"] = {name: value for name, value in text.items() if name != "quantization_config"}
    return settings
