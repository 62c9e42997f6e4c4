"""The numbers of a GGUF file that decide its tensors' shapes and its config.json."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import CorruptCheckpoint, UnsupportedModel
from mlx_convert_gguf.container import GgufTensor
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.origin import the_original


def _nothing(numbers: Numbers) -> Mapping[str, int]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What of an architecture decides how its numbers are read.

    ``name`` is what GGUF files call it: ``general.architecture``, and the beginning of its fields. ``sizes`` adds
    lengths of dimensions. ``own_head_dim``: config.json names the size of a head, which may be another than hidden
    size / heads. ``partial_rope``: it can say that only a part of each is turned. ``latent``: keys and values are made
    of something smaller. ``mixed_layers``: some layers have no attention.
    """

    name: str
    sizes: Callable[[Numbers], Mapping[str, int]] = _nothing
    own_head_dim: bool = True
    partial_rope: bool = False
    latent: bool = False
    mixed_layers: bool = False

    def key(self, name: str) -> str:
        """The field ``name`` of this architecture in a file."""
        return f"{self.name}.{name}"


class Numbers:
    """What a file says, asked for without the architecture's name in front.

    ``sizes`` are the lengths of dimensions by name: ``hidden``, ``inner``, ``gate_up`` (twice that), ``layers``,
    ``heads``, ``kv_heads``, ``head`` (values of one), ``q``, ``kv`` and ``qkv`` (values of all), ``rope`` (those of a
    head that are turned), ``vocabulary``, the numbers of ``experts`` and of ``used`` ones, and what the architecture
    adds. Raises CorruptCheckpoint, and UnsupportedModel for what config.json can't say.
    """

    def __init__(self, fields: Fields, architecture: Traits, tensors: Iterable[GgufTensor]) -> None:
        self.fields = fields
        self.architecture = architecture
        self.tensors: Mapping[str, GgufTensor] = {tensor.name: tensor for tensor in tensors}
        self.sizes = self._main_sizes()
        self.sizes |= architecture.sizes(self)

    def __getitem__(self, size: str) -> int:
        return self.sizes[size]

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number."""
        return self.fields.integer(self.architecture.key(key), default)

    def number(self, key: str, default: float | None = None) -> float:
        """A float."""
        return self.fields.number(self.architecture.key(key), default)

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        return self.fields.text(self.architecture.key(key), default)

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        return self.fields.flag(self.architecture.key(key), default)

    def flags(self, key: str) -> list[bool]:
        """A list of truths, empty when there is none."""
        return [bool(value) for value in self.fields.integers(self.architecture.key(key))]

    def says(self, key: str) -> bool:
        """Whether the file has the field."""
        return self.architecture.key(key) in self.fields

    def has(self, tensor: str) -> bool:
        """Whether the file has a tensor of this name, or a first layer with it."""
        return tensor in self.tensors or f"blk.0.{tensor}" in self.tensors

    def shape(self, names: str) -> tuple[int, ...]:
        """The shape with dimensions of these names, or lengths, separated by spaces."""
        return tuple(int(name) if name.isdecimal() else self.sizes[name] for name in names.split())

    def _main_sizes(self) -> dict[str, int]:
        hidden, heads = self.integer("embedding_length"), self.integer("attention.head_count")
        if not 0 < heads <= hidden:
            raise damaged(self.fields, self.architecture, f"{heads} attention heads for {hidden} values")
        layers = self.integer("block_count")
        if not 0 < layers <= len(self.tensors):
            raise damaged(self.fields, self.architecture, f"it claims {layers} layers")
        kv_heads, inner = self._kv_heads(heads), self.integer("feed_forward_length", 0)
        embedding = self.tensors.get("token_embd.weight")
        head = self._head(hidden, heads)
        return {
            "hidden": hidden,
            "inner": inner,
            "gate_up": 2 * inner,
            "layers": layers,
            "heads": heads,
            "kv_heads": kv_heads,
            "head": head,
            "q": heads * head,
            "kv": kv_heads * head,
            "qkv": (heads + 2 * kv_heads) * head,
            "rope": self.integer("rope.dimension_count", head),
            "vocabulary": embedding.shape[0] if embedding is not None else 0,
            "experts": self.integer("expert_count", 0),
            "used": self.integer("expert_used_count", 0),
        }

    def _kv_heads(self, heads: int) -> int:
        key = self.architecture.key("attention.head_count_kv")
        if self.architecture.mixed_layers:
            return max(self.fields.integers(key), default=heads)
        return self.fields.integer(key, heads)

    def _head(self, hidden: int, heads: int) -> int:
        """Values of one head; what an architecture can't say about them is refused."""
        about = self.architecture
        head = self.integer("attention.key_length", hidden // heads)
        if about.latent:
            return head
        if self.integer("attention.value_length", head) != head:
            raise unsupported(self.fields, "has keys and values of different lengths")
        if self.integer("rope.dimension_count", head) != head and not about.partial_rope:
            raise unsupported(self.fields, "turns a part of each head only (rope.dimension_count)")
        if not about.own_head_dim and head * heads != hidden:
            raise unsupported(self.fields, f"has heads of {head} values, which config.json can't say of {about.name}")
        return head


Setting = Callable[[Numbers], Any]


def size(name: str) -> Setting:
    """The value of config.json that is the size ``name``."""
    return lambda numbers: numbers[name]


def integer(key: str, default: int | None = None) -> Setting:
    """The one that the field ``key`` holds as a whole number."""
    return lambda numbers: numbers.integer(key, default)


def number(key: str, default: float | None = None) -> Setting:
    """The one that the field ``key`` holds as a float."""
    return lambda numbers: numbers.number(key, default)


def flag(key: str, default: bool) -> Setting:
    """The one that the field ``key`` holds as true or false."""
    return lambda numbers: numbers.flag(key, default)


def has(tensor: str) -> Setting:
    """Whether there is a tensor of this name."""
    return lambda numbers: numbers.has(tensor)


def rope_part(numbers: Numbers) -> float:
    """How much of a head is turned."""
    return numbers["rope"] / numbers["head"]


def damaged(fields: Fields, architecture: Traits, problem: str) -> CorruptCheckpoint:
    """The error for a file whose parts don't fit together."""
    return CorruptCheckpoint(
        f"{fields.name} is no whole {architecture.name}: {problem}.",
        hint="The file is damaged or made by a tool of its own kind. Take another GGUF file of the model.",
        code="gguf_tensors",
    )


def unsupported(fields: Fields, problem: str, code: str = "gguf_variant") -> UnsupportedModel:
    """The error for a file that can't be turned back faithfully."""
    return UnsupportedModel(f"{fields.name} {problem}.", hint=the_original(fields), code=code)
