"""A checkpoint's config.json and tensors from the header of a GGUF file, by the table of its architecture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import CorruptCheckpoint, UnsupportedModel
from mlx_convert_gguf.architecture import OUTER, Architecture
from mlx_convert_gguf.architectures import architectures
from mlx_convert_gguf.container import GgufTensor
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.origin import the_original
from mlx_convert_gguf.rope import FACTORS, rope_scaling

# Factors of llama.cpp's relatives (Granite, MiniCPM); ours have them at these values or not at all.
_NEUTRAL = {"attention.scale": 0.0, "logit_scale": 1.0, "residual_scale": 1.0, "embedding_scale": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A tensor of the checkpoint and where it comes from.

    ``heads`` > 0: its rows are permuted, as llama.cpp does it to q and k, and must be put back.
    """

    name: str
    shape: tuple[int, ...]
    source: GgufTensor
    heads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The numbers that decide the tensors' shapes."""

    hidden: int
    inner: int
    layers: int
    heads: int
    key_value_heads: int
    head_dim: int
    vocabulary: int

    @classmethod
    def of(cls, fields: Fields, architecture: Architecture, tensors: Sequence[GgufTensor]) -> Shape:
        """Read them from the metadata; raises UnsupportedModel for layers of different kinds."""
        key = architecture.key
        hidden, heads = fields.integer(key("embedding_length")), fields.integer(key("attention.head_count"))
        if not 0 < heads <= hidden:
            raise _damaged(fields, architecture, f"{heads} attention heads for {hidden} values")
        head_dim = fields.integer(key("attention.key_length"), hidden // heads)
        if fields.integer(key("attention.value_length"), head_dim) != head_dim:
            raise _unsupported(fields, "has keys and values of different lengths")
        if fields.integer(key("rope.dimension_count"), head_dim) != head_dim:
            raise _unsupported(fields, "turns a part of each head only (rope.dimension_count)")
        if not architecture.own_head_dim and head_dim * heads != hidden:
            raise _unsupported(
                fields, f"has heads of {head_dim} values, which config.json can't say of {architecture.name}"
            )
        layers = fields.integer(key("block_count"))
        if not 0 < layers <= len(tensors):
            raise _damaged(fields, architecture, f"it claims {layers} layers")
        embedding = next((one.shape for one in tensors if one.name == "token_embd.weight"), (0,))
        return cls(
            hidden=hidden,
            inner=fields.integer(key("feed_forward_length")),
            layers=layers,
            heads=heads,
            key_value_heads=fields.integer(key("attention.head_count_kv"), heads),
            head_dim=head_dim,
            vocabulary=embedding[0],
        )


def architecture_of(fields: Fields) -> Architecture:
    """The table of the file's architecture; raises UnsupportedModel (``gguf_arch``) for everything that has none."""
    name = fields.text("general.architecture", "")
    found = architectures().get(name)
    if found is None:
        picture = "This file is the picture part of a model. Give the file with the language model."
        raise UnsupportedModel(
            f"{fields.name} holds the architecture '{name}'; only GGUF files of {', '.join(sorted(architectures()))}"
            " can be turned back into a checkpoint.",
            hint=picture if name == "clip" else the_original(fields),
            code="gguf_arch",
        )
    if fields.integer("split.count", 1) > 1:
        raise _unsupported(fields, "is one part of a model that was split into several files", code="gguf_split")
    if fields.integer(found.key("expert_count"), 0):
        raise _unsupported(fields, f"is a mixture of experts, not a plain {name}", code="gguf_arch")
    for factor, value in _NEUTRAL.items():
        if fields.number(found.key(factor), value) != value:
            raise _unsupported(fields, f"scales its values ({found.key(factor)}), which no plain {name} does")
    return found


def config_of(
    fields: Fields, architecture: Architecture, tensors: Sequence[GgufTensor], factors: Sequence[float]
) -> dict[str, Any]:
    """config.json as transformers and mlx-lm read it; ``factors`` are the rope_freqs, () without."""
    names = {tensor.name for tensor in tensors}
    for group in architecture.biases.values():
        if len({f"blk.0.{key}.bias" in names for key in group}) > 1:
            raise _unsupported(
                fields,
                f"has biases on some of {', '.join(group)}; a {architecture.name} has them on all or on none",
            )
    shape, key = Shape.of(fields, architecture, tensors), architecture.key
    config = dict(architecture.config) | {
        "hidden_size": shape.hidden,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_value_heads,
        **({"head_dim": shape.head_dim} if architecture.own_head_dim else {}),
        "rms_norm_eps": fields.number(key("attention.layer_norm_rms_epsilon")),
        "rope_theta": fields.number(key("rope.freq_base"), 10000.0),
        "max_position_embeddings": fields.integer(key("context_length")),
        "vocab_size": shape.vocabulary,
        "tie_word_embeddings": "output.weight" not in names,
        **{name: f"blk.0.{group[0]}.bias" in names for name, group in architecture.biases.items()},
        "torch_dtype": "bfloat16",
    }
    scaling = rope_scaling(fields, architecture, config["rope_theta"], shape.head_dim, factors)
    return config | ({"rope_scaling": scaling} if scaling else {})


def rebuilt_tensors(
    fields: Fields, architecture: Architecture, tensors: Iterable[GgufTensor], config: dict[str, Any]
) -> tuple[Rebuilt, ...]:
    """The checkpoint's tensors, in the file's order.

    Raises CorruptCheckpoint for a missing tensor or one of a wrong shape, and UnsupportedModel for one
    that the architecture has no place for.
    """
    expected = _expected(architecture, config)
    rebuilt = []
    for tensor in tensors:
        if tensor.name == FACTORS:
            continue
        if tensor.name not in expected:
            raise _unsupported(fields, f"has a tensor that a {architecture.name} has no place for: {tensor.name[:80]}")
        name, shape, heads = expected.pop(tensor.name)
        if tensor.shape != shape:
            found = f"{tensor.name} has the shape {tensor.shape}, and {shape} is what its numbers say"
            raise _damaged(fields, architecture, found)
        rebuilt.append(Rebuilt(name=name, shape=shape, source=tensor, heads=heads))
    if expected:
        raise _damaged(fields, architecture, f"{len(expected)} tensors are missing, {next(iter(expected))} among them")
    return tuple(rebuilt)


def _expected(architecture: Architecture, config: dict[str, Any]) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """GGUF name -> name in the checkpoint, shape, and heads to un-permute by."""
    hidden, vocabulary = config["hidden_size"], config["vocab_size"]
    outer = {"token_embd": (vocabulary, hidden), "output_norm": (hidden,)}
    if not config["tie_word_embeddings"]:
        outer["output"] = (vocabulary, hidden)
    inside = _inside(config)
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    biased = {
        *architecture.biased,
        *(key for name, group in architecture.biases.items() if config[name] for key in group),
    }
    found = {f"{key}.weight": (f"{OUTER[key]}.weight", shape, 0) for key, shape in outer.items()}
    for layer in range(config["num_hidden_layers"]):
        for key, ours in architecture.names.items():
            old, new, shape = f"blk.{layer}.{key}", f"model.layers.{layer}.{ours}", inside[key]
            turned = heads[key] if key in architecture.permuted else 0
            found[f"{old}.weight"] = (f"{new}.weight", shape, turned)
            if key in biased:
                found[f"{old}.bias"] = (f"{new}.bias", shape[:1], turned)
    return found


def _inside(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shapes of all tensors that a layer may have."""
    hidden, inner, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    head_dim = config.get("head_dim", hidden // heads)
    width, narrow = heads * head_dim, config["num_key_value_heads"] * head_dim
    return {
        "attn_norm": (hidden,),
        "attn_q": (width, hidden),
        "attn_k": (narrow, hidden),
        "attn_v": (narrow, hidden),
        "attn_output": (hidden, width),
        "attn_q_norm": (head_dim,),
        "attn_k_norm": (head_dim,),
        "ffn_norm": (hidden,),
        "ffn_gate": (inner, hidden),
        "ffn_up": (inner, hidden),
        "ffn_down": (hidden, inner),
    }


def _damaged(fields: Fields, architecture: Architecture, problem: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{fields.name} is no whole {architecture.name}: {problem}.",
        hint="The file is damaged or made by a tool of its own kind. Take another GGUF file of the model.",
        code="gguf_tensors",
    )


def _unsupported(fields: Fields, problem: str, code: str = "gguf_variant") -> UnsupportedModel:
    split = "Join the parts first, with the tool of llama.cpp that split them."
    hint = split if code == "gguf_split" else the_original(fields)
    return UnsupportedModel(f"{fields.name} {problem}.", hint=hint, code=code)
