"""The llama architecture: its GGUF names and numbers, and what they are in a Hugging Face checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mlx_convert_core.plugin import CorruptCheckpoint, UnsupportedModel
from mlx_convert_gguf.architectures.rope import FACTORS, rope_scaling
from mlx_convert_gguf.container import GgufTensor
from mlx_convert_gguf.fields import Fields

ARCHITECTURE = "llama"
_OUTER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_ATTENTION = ("attn_q", "attn_k", "attn_v", "attn_output")
_MLP = ("ffn_gate", "ffn_up", "ffn_down")
# Factors of llama.cpp's relatives (Granite, MiniCPM); a llama has them at these values or not at all.
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
    def of(cls, fields: Fields, tensors: Sequence[GgufTensor]) -> Shape:
        """Read them from the metadata; raises UnsupportedModel for layers of different kinds."""
        hidden, heads = fields.integer("llama.embedding_length"), fields.integer("llama.attention.head_count")
        if not 0 < heads <= hidden:
            raise _damaged(fields, f"{heads} attention heads for {hidden} values")
        head_dim = fields.integer("llama.attention.key_length", hidden // heads)
        if fields.integer("llama.attention.value_length", head_dim) != head_dim:
            raise _unsupported(fields, "has keys and values of different lengths")
        if fields.integer("llama.rope.dimension_count", head_dim) != head_dim:
            raise _unsupported(fields, "turns a part of each head only (rope.dimension_count)")
        layers = fields.integer("llama.block_count")
        if not 0 < layers <= len(tensors):
            raise _damaged(fields, f"it claims {layers} layers")
        embedding = next((one.shape for one in tensors if one.name == "token_embd.weight"), (0,))
        return cls(
            hidden=hidden,
            inner=fields.integer("llama.feed_forward_length"),
            layers=layers,
            heads=heads,
            key_value_heads=fields.integer("llama.attention.head_count_kv", heads),
            head_dim=head_dim,
            vocabulary=embedding[0],
        )


def check_architecture(fields: Fields) -> None:
    """Raise UnsupportedModel (``gguf_arch``) for everything that is no plain llama."""
    architecture = fields.text("general.architecture", "")
    if architecture != ARCHITECTURE:
        raise UnsupportedModel(
            f"{fields.name} holds the architecture '{architecture}', and only GGUF files of the llama family "
            "can be turned back into a checkpoint.",
            hint="Convert the original model instead: give its repo id, such as Qwen/Qwen2.5-0.5B-Instruct."
            if architecture != "clip"
            else "This file is the picture part of a model. Give the file with the language model.",
            code="gguf_arch",
        )
    if fields.integer("split.count", 1) > 1:
        raise _unsupported(fields, "is one part of a model that was split into several files", code="gguf_split")
    if fields.integer("llama.expert_count", 0):
        raise _unsupported(fields, "is a mixture of experts (Mixtral), not a plain llama", code="gguf_arch")
    for key, value in _NEUTRAL.items():
        if fields.number(f"llama.{key}", value) != value:
            raise _unsupported(fields, f"scales its values (llama.{key}), which no plain llama does")


def config_of(fields: Fields, tensors: Sequence[GgufTensor], shape: Shape, factors: Sequence[float]) -> dict[str, Any]:
    """config.json as transformers and mlx-lm read it; ``factors`` are the rope_freqs, () without."""
    names = {tensor.name for tensor in tensors}
    for group in (_ATTENTION, _MLP):
        if len({f"blk.0.{key}.bias" in names for key in group}) > 1:
            raise _unsupported(fields, f"has biases on some of {', '.join(group)}; a llama has them on all or on none")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_value_heads,
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "rms_norm_eps": fields.number("llama.attention.layer_norm_rms_epsilon"),
        "rope_theta": fields.number("llama.rope.freq_base", 10000.0),
        "max_position_embeddings": fields.integer("llama.context_length"),
        "vocab_size": shape.vocabulary,
        "tie_word_embeddings": "output.weight" not in names,
        "attention_bias": "blk.0.attn_q.bias" in names,
        "mlp_bias": "blk.0.ffn_gate.bias" in names,
        "torch_dtype": "bfloat16",
    }
    scaling = rope_scaling(fields, config["rope_theta"], shape.head_dim, factors)
    return config | ({"rope_scaling": scaling} if scaling else {})


def rebuilt_tensors(fields: Fields, tensors: Iterable[GgufTensor], config: dict[str, Any]) -> tuple[Rebuilt, ...]:
    """The checkpoint's tensors, in the file's order.

    Raises CorruptCheckpoint for a missing tensor or one of a wrong shape, and UnsupportedModel for one
    that a llama has no place for.
    """
    expected = _expected(config)
    rebuilt = []
    for tensor in tensors:
        if tensor.name == FACTORS:
            continue
        if tensor.name not in expected:
            raise _unsupported(fields, f"has a tensor that a llama has no place for: {tensor.name[:80]}")
        name, shape, heads = expected.pop(tensor.name)
        if tensor.shape != shape:
            raise _damaged(fields, f"{tensor.name} has the shape {tensor.shape}, and {shape} is what its numbers say")
        rebuilt.append(Rebuilt(name=name, shape=shape, source=tensor, heads=heads))
    if expected:
        raise _damaged(fields, f"{len(expected)} tensors are missing, {next(iter(expected))} among them")
    return tuple(rebuilt)


def _expected(config: dict[str, Any]) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """GGUF name -> name in the checkpoint, shape, and heads to un-permute by."""
    hidden, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    heads, fewer = config["num_attention_heads"], config["num_key_value_heads"]
    width, narrow = heads * config["head_dim"], fewer * config["head_dim"]
    outer = {"token_embd": (vocabulary, hidden), "output_norm": (hidden,)}
    if not config["tie_word_embeddings"]:
        outer["output"] = (vocabulary, hidden)
    inside = {
        "attn_norm": (hidden,),
        "attn_q": (width, hidden),
        "attn_k": (narrow, hidden),
        "attn_v": (narrow, hidden),
        "attn_output": (hidden, width),
        "ffn_norm": (hidden,),
        "ffn_gate": (inner, hidden),
        "ffn_up": (inner, hidden),
        "ffn_down": (hidden, inner),
    }
    turned = {"attn_q": heads, "attn_k": fewer}
    biased = (_ATTENTION if config["attention_bias"] else ()) + (_MLP if config["mlp_bias"] else ())
    found = {f"{key}.weight": (f"{_OUTER[key]}.weight", shape, 0) for key, shape in outer.items()}
    for layer in range(config["num_hidden_layers"]):
        for key, shape in inside.items():
            old, new = f"blk.{layer}.{key}", f"model.layers.{layer}.{_INNER[key]}"
            found[f"{old}.weight"] = (f"{new}.weight", shape, turned.get(key, 0))
            if key in biased:
                found[f"{old}.bias"] = (f"{new}.bias", shape[:1], turned.get(key, 0))
    return found


def _damaged(fields: Fields, problem: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"{fields.name} is no whole llama: {problem}.",
        hint="The file is damaged or made by a tool of its own kind. Take another GGUF file of the model.",
        code="gguf_tensors",
    )


def _unsupported(fields: Fields, problem: str, code: str = "gguf_variant") -> UnsupportedModel:
    hints = {
        "gguf_split": "Join the parts first: llama-gguf-split --merge FIRST_PART WHOLE.gguf",
        "gguf_arch": "Convert the original model instead: give its repo id.",
    }
    return UnsupportedModel(
        f"{fields.name} {problem}.",
        hint=hints.get(code, "Convert the original model instead: give its repo id."),
        code=code,
    )
