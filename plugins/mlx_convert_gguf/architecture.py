"""What there is to know about an architecture to turn its GGUF files back into a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OUTER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
ATTENTION = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
}
MLP = {"ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A table. Names of tensors are those inside a layer, without ``.weight``.

    ``name`` is what GGUF files call it: ``general.architecture``, and the beginning of its fields. ``config`` are the
    fields of config.json that are the same in every model of it. ``names``: tensors of a layer in the file -> in the
    checkpoint. ``permuted``: those whose rows llama.cpp's converter interleaves, head by head. ``biased`` always have
    a bias; those of each of ``biases`` have one all together or not at all, as config.json then says under that name.
    ``own_head_dim``: config.json names the size of a head, which may be another than hidden size / heads.
    """

    name: str
    config: Mapping[str, Any]
    names: Mapping[str, str]
    permuted: tuple[str, ...] = ()
    biased: tuple[str, ...] = ()
    biases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    own_head_dim: bool = True

    def key(self, name: str) -> str:
        """The field ``name`` of this architecture in a file."""
        return f"{self.name}.{name}"
