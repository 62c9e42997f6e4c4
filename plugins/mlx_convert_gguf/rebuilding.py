"""A checkpoint's config.json and tensors from the header of a GGUF file, by the table of its architecture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import UnsupportedModel
from mlx_convert_gguf.architecture import Architecture, Part
from mlx_convert_gguf.architectures import architecture_for, names
from mlx_convert_gguf.container import GgufTensor
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.numbers import Numbers, damaged, unsupported
from mlx_convert_gguf.origin import the_original
from mlx_convert_gguf.rope import VECTORS, rope_scaling
from mlx_convert_gguf.transforms import Slice, Transform

if TYPE_CHECKING:
    from mlx_convert_gguf.transforms import Values
    from mlx_convert_gguf.values import GgufValues

# Factors that only some architectures of llama.cpp have; elsewhere they must have no effect.
_NEUTRAL = {
    "attention.scale": 0.0, "logit_scale": 1.0, "residual_scale": 1.0, "embedding_scale": 1.0,
    "attn_logit_softcapping": 0.0, "final_logit_softcapping": 0.0, "attention.clamp_kqv": 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A tensor of the checkpoint, and how it is made of ``sources`` in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    sources: tuple[GgufTensor, ...]
    transform: Transform

    def made(self, values: GgufValues, start: int, stop: int) -> Values:
        """Rows of it, whole units of its transform."""
        return self.transform(lambda number, *rows: values.rows(self.sources[number], *rows), start, stop)


def architecture_of(fields: Fields) -> Architecture:
    """The table of the file's architecture; raises UnsupportedModel (``gguf_arch``) for everything that has none."""
    name = fields.text("general.architecture", "")
    experts = bool(fields.integer(f"{name}.expert_count", 0))
    found = architecture_for(name, experts=experts)
    if found is None and name in names():
        raise unsupported(
            fields, f"is {'a' if experts else 'no'} mixture of experts, as no {name} is", code="gguf_arch"
        )
    if found is None:
        picture = "This file is the picture part of a model. Give the file with the language model."
        raise UnsupportedModel(
            f"{fields.name} holds the architecture '{name}'; only GGUF files of {', '.join(names())}"
            " can be turned back into a checkpoint.",
            hint=picture if name == "clip" else the_original(fields),
            code="gguf_arch",
        )
    for factor, value in _NEUTRAL.items():
        if factor not in found.scales and fields.number(found.key(factor), value) != value:
            raise unsupported(fields, f"scales its values ({found.key(factor)}), which no plain {name} does")
    return found


def config_of(about: Architecture, numbers: Numbers, factors: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """config.json as transformers and mlx-lm read it; ``factors`` are the `VECTORS` that the file has, by name."""
    for group in about.biases.values():
        if len({numbers.has(f"{key}.bias") for key in group}) > 1:
            raise unsupported(
                numbers.fields, f"has biases on some of {', '.join(group)}; a {about.name} has them on all or on none"
            )
    config = {
        **about.config,
        **{name: found(numbers) for name, found in about.settings.items()},
        **({"head_dim": numbers["head"]} if about.own_head_dim else {}),
        **{name: numbers.has(f"{group[0]}.bias") for name, group in about.biases.items()},
        "tie_word_embeddings": not _has_head(about, numbers),
        "torch_dtype": "bfloat16",
    }
    scaling = rope_scaling(numbers, factors)
    return config | ({"rope_scaling": scaling} if scaling else {})


def rebuilt_tensors(about: Architecture, numbers: Numbers, tensors: Iterable[GgufTensor]) -> tuple[Rebuilt, ...]:
    """The checkpoint's tensors, in the file's order.

    Raises CorruptCheckpoint for a missing tensor or one of a wrong shape, and UnsupportedModel for one
    that the architecture has no place for.
    """
    fields = numbers.fields
    expected = {file: part for part in _parts(about, numbers) for file in part.files}
    made: dict[str, tuple[Rebuilt, ...]] = {}
    for tensor in tensors:
        if tensor.name in VECTORS or tensor.name in about.unused:
            continue
        part = expected.pop(tensor.name, None)
        if part is None:
            raise unsupported(fields, f"has a tensor that a {about.name} has no place for: {tensor.name[:80]}")
        shape = part.shapes(numbers)[part.files.index(tensor.name)]
        if _without_ones(tensor.shape) != _without_ones(shape):
            raise damaged(
                fields, about, f"{tensor.name} has the shape {tensor.shape}, and {shape} is what its numbers say"
            )
        if part.files[0] not in made and all(file in numbers.tensors for file in part.files):
            made[part.files[0]] = tuple(_made(part, numbers))
    if expected:
        raise damaged(fields, about, f"{len(expected)} tensors are missing, {next(iter(expected))} among them")
    return tuple(one for several in made.values() for one in several)


def _has_head(about: Architecture, numbers: Numbers) -> bool:
    head = about.head.files[0]
    return numbers.has(head) and head not in about.unused


def _parts(about: Architecture, numbers: Numbers) -> Iterator[Part]:
    """All tensors of the checkpoint, with their whole names."""
    flags = [key for group in about.biases.values() if numbers.has(f"{group[0]}.bias") for key in group]
    biased = {f"{key}.weight" for key in (*about.biased, *flags)}

    def with_biases(parts: Iterable[Part]) -> Iterator[Part]:
        for part in parts:
            yield part
            if part.files[0] in biased:
                yield part.bias()

    yield from with_biases(about.outer)
    if _has_head(about, numbers):
        yield about.head
    for layer in range(numbers["layers"]):
        for part in with_biases(about.layer(numbers, layer)):
            files = tuple(f"blk.{layer}.{file}" for file in part.files)
            yield replace(part, files=files, name=f"{about.prefix}.{layer}.{part.name}")


def _made(part: Part, numbers: Numbers) -> Iterator[Rebuilt]:
    shape = numbers.shape(part.shape)
    sources = tuple(
        _viewed(numbers.tensors[file], wanted) for file, wanted in zip(part.files, part.shapes(numbers), strict=True)
    )
    if not part.each:
        transform = part.turn(numbers, prod(shape[:-1]) if len(shape) > 1 else shape[0])
        yield Rebuilt(name=part.name, dtype=part.dtype, shape=shape, sources=sources, transform=transform)
        return
    count = numbers[part.each]
    rows = prod(sources[0].shape[:-1]) // count
    for index in range(count):
        transform = Slice(rows, first=index * rows)
        name = part.name.format(index)
        yield Rebuilt(name=name, dtype=part.dtype, shape=shape, sources=sources, transform=transform)


def _viewed(tensor: GgufTensor, shape: tuple[int, ...]) -> GgufTensor:
    """A tensor in the shape that it should have, where it differs in dimensions of 1."""
    return tensor if tensor.shape == shape else replace(tensor, shape=shape)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape as some converters write it: dimensions of one value are dropped."""
    return tuple(length for length in shape if length != 1)
