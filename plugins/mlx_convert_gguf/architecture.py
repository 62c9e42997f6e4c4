"""What there is to know about an architecture to turn its GGUF files back into a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlx_convert_gguf.numbers import Numbers, Setting, Traits, integer, number, size
from mlx_convert_gguf.transforms import Halves, PerHead, Slice, Transform, Transposed

Turn = Callable[[Numbers, int], Transform]


def _as_it_is(numbers: Numbers, rows: int) -> Transform:
    return Slice(rows)


def less_one(numbers: Numbers, rows: int) -> Transform:
    """A norm that the file has one larger than the checkpoint."""
    return Slice(rows, less=1.0)


def halves(heads: str) -> Turn:
    """The rows of so many heads, as sizes call them, put back in order."""
    return lambda numbers, rows: Halves(rows, numbers[heads])


def transposed(columns: str) -> Turn:
    """A matrix turned over; the checkpoint's has so many columns."""
    return lambda numbers, rows: Transposed(rows, numbers[columns])


def per_head(numbers: Numbers, rows: int) -> Transform:
    """Keys and values of latent attention, head by head."""
    return PerHead(numbers["heads"], numbers["nope"], numbers["v_head"], numbers["latent"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A tensor of the checkpoint and those of the file that it is made of.

    Names have no layer in front. ``shape`` and ``stored`` name the sizes of dimensions: the checkpoint's, and those
    of each of ``files`` where they are others. With ``each`` it is several tensors, numbered in place of ``{}`` in
    ``name``, that the file has stacked, as many as that size says. ``dtype`` is the checkpoint's, as safetensors
    names it (``BF16`` or ``F32``).
    """

    files: tuple[str, ...]
    name: str
    shape: str
    stored: tuple[str, ...] = ()
    turn: Turn = _as_it_is
    each: str = ""
    dtype: str = "BF16"

    def bias(self) -> Part:
        """The bias of this weight."""
        [file] = self.files
        length = " ".join((*self.stored, self.shape)).split()[0]
        turn = _as_it_is if self.stored else self.turn
        return replace(self, files=(_bias(file),), name=_bias(self.name), shape=length, stored=(), turn=turn)

    def shapes(self, numbers: Numbers) -> tuple[tuple[int, ...], ...]:
        """What each of ``files`` must have."""
        if self.stored:
            return tuple(map(numbers.shape, self.stored))
        return (numbers.shape(f"{self.each} {self.shape}" if self.each else self.shape),) * len(self.files)


def weight(file: str, name: str, shape: str, turn: Turn = _as_it_is, *, each: str = "", stored: str = "") -> Part:
    """A part that is one ``.weight`` in both."""
    kept = (stored,) if stored else ()
    return Part(files=(f"{file}.weight",), name=f"{name}.weight", shape=shape, turn=turn, each=each, stored=kept)


EMBEDDING = weight("token_embd", "model.embed_tokens", "vocabulary hidden")
FINAL_NORM = weight("output_norm", "model.norm", "hidden")
HEAD = weight("output", "lm_head", "vocabulary hidden")
NORMS = (
    weight("attn_norm", "input_layernorm", "hidden"),
    weight("ffn_norm", "post_attention_layernorm", "hidden"),
)
ATTENTION = (
    weight("attn_q", "self_attn.q_proj", "q hidden"),
    weight("attn_k", "self_attn.k_proj", "kv hidden"),
    weight("attn_v", "self_attn.v_proj", "kv hidden"),
    weight("attn_output", "self_attn.o_proj", "hidden q"),
)
# As a llama's own: llama.cpp wants the two values that are turned together side by side.
HALVED_ATTENTION = (
    weight("attn_q", "self_attn.q_proj", "q hidden", halves("heads")),
    weight("attn_k", "self_attn.k_proj", "kv hidden", halves("kv_heads")),
    *ATTENTION[2:],
)
HEAD_NORMS = (
    weight("attn_q_norm", "self_attn.q_norm", "head"),
    weight("attn_k_norm", "self_attn.k_norm", "head"),
)
MLP = (
    weight("ffn_gate", "mlp.gate_proj", "inner hidden"),
    weight("ffn_up", "mlp.up_proj", "inner hidden"),
    weight("ffn_down", "mlp.down_proj", "hidden inner"),
)
EXPERTS = (
    weight("ffn_gate_inp", "mlp.gate", "experts hidden"),
    weight("ffn_gate_exps", "mlp.experts.{}.gate_proj", "expert_inner hidden", each="experts"),
    weight("ffn_up_exps", "mlp.experts.{}.up_proj", "expert_inner hidden", each="experts"),
    weight("ffn_down_exps", "mlp.experts.{}.down_proj", "hidden expert_inner", each="experts"),
)
QKV = ("attn_q", "attn_k", "attn_v")
QKVO = (*QKV, "attn_output")
GATE_UP_DOWN = ("ffn_gate", "ffn_up", "ffn_down")

# config.json -> what it holds, in nearly all of them.
SETTINGS: Mapping[str, Setting] = {
    "hidden_size": size("hidden"),
    "intermediate_size": size("inner"),
    "num_hidden_layers": size("layers"),
    "num_attention_heads": size("heads"),
    "num_key_value_heads": size("kv_heads"),
    "rope_theta": number("rope.freq_base", 10000.0),
    "max_position_embeddings": integer("context_length"),
    "vocab_size": size("vocabulary"),
}
RMS: Mapping[str, Setting] = {"rms_norm_eps": number("attention.layer_norm_rms_epsilon")}


def expert_sizes(numbers: Numbers) -> Mapping[str, int]:
    """The inner size of an expert, and that of the shared one."""
    return {
        "expert_inner": numbers.integer("expert_feed_forward_length"),
        "shared": numbers.integer("expert_shared_feed_forward_length", 0),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture(Traits):
    """A table: the traits, and what there is in config.json and in the weights.

    One with ``experts`` is another than the one of that name without. ``config`` are the fields of config.json that
    are the same in every model of it, ``settings`` how the others are found. ``outer`` and ``layer``
    are the tensors around the layers and in one, by its number; ``head`` is there where the embedding does not serve
    as one. ``biased`` always have a bias; those of each of ``biases`` have one all together or not at all, as
    config.json then says under that name. ``scales`` are the fields that scale values in every
    model of it. ``prefix`` is what its layers are called. ``unused`` are tensors that say nothing new.
    """

    config: Mapping[str, Any]
    layer: Callable[[Numbers, int], tuple[Part, ...]]
    settings: Mapping[str, Setting] = field(default_factory=lambda: {**SETTINGS, **RMS})
    outer: tuple[Part, ...] = (EMBEDDING, FINAL_NORM)
    head: Part = HEAD
    biased: tuple[str, ...] = ()
    biases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    experts: bool = False
    scales: tuple[str, ...] = ()
    prefix: str = "model.layers"
    unused: tuple[str, ...] = ()


def always(*parts: Part) -> Callable[[Numbers, int], tuple[Part, ...]]:
    """The same tensors in every layer."""
    return lambda numbers, layer: parts


def _bias(name: str) -> str:
    return f"{name.removesuffix('.weight')}.bias"
