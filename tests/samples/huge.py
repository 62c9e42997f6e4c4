"""The largest published models in 8-bit floats, as headers: sparse files of their true sizes, which take no space."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import TensorInfo, layouts, split
from samples.tiny import write_tiny_tokenizer

SHARD_BYTES = 4_300_000_000  # as DeepSeek's and Moonshot's files are
Named = Iterator[tuple[str, tuple[int, ...], str]]  # name, shape, dtype


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model with latent attention and experts, in the words of its config.json."""

    model_type: str
    layers: int
    dense: int
    hidden: int
    inner: int
    expert: int
    experts: int
    heads: int
    query_rank: int
    rank: int = 512
    nope: int = 128
    rope: int = 64
    value: int = 128
    vocabulary: int
    drafts: int = 0
    index: tuple[int, int] | None = None  # heads of the indexer, and their width
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        """config.json."""
        return {
            "architectures": ["DeepseekV3ForCausalLM"], "model_type": self.model_type, "hidden_size": self.hidden,
            "intermediate_size": self.inner, "moe_intermediate_size": self.expert, "num_hidden_layers": self.layers,
            "first_k_dense_replace": self.dense, "n_routed_experts": self.experts, "n_shared_experts": 1,
            "num_experts_per_tok": 8, "num_attention_heads": self.heads, "num_key_value_heads": self.heads,
            "q_lora_rank": self.query_rank, "kv_lora_rank": self.rank, "qk_nope_head_dim": self.nope,
            "qk_rope_head_dim": self.rope, "v_head_dim": self.value, "vocab_size": self.vocabulary,
            "num_nextn_predict_layers": self.drafts, "n_group": 1, "topk_group": 1, "moe_layer_freq": 1,
            "routed_scaling_factor": 2.5, "norm_topk_prob": True, "topk_method": "noaux_tc",
            "scoring_func": "sigmoid", "attention_bias": False, "rms_norm_eps": 1e-6, "rope_theta": 10000,
            "max_position_embeddings": 163840, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
            "quantization_config": {
                "activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128],
            },
            **self.more,
        }  # fmt: skip

    def tensors(self, *, plain: bool = False) -> Named:
        """All tensors; with ``plain`` in bfloat16 without scales."""
        for name, shape, dtype in self._all():
            if dtype != "F8_E4M3" or plain:
                yield name, shape, "BF16" if dtype == "F8_E4M3" else dtype
                continue
            yield name, shape, dtype
            yield f"{name}_scale_inv", (-(-shape[0] // 128), -(-shape[1] // 128)), "F32"

    def _all(self) -> Named:
        yield "model.embed_tokens.weight", (self.vocabulary, self.hidden), "BF16"
        for number in range(self.layers + self.drafts):
            path = f"model.layers.{number}"
            yield from self._attention(f"{path}.self_attn")
            yield from self._dense(f"{path}.mlp", self.inner) if number < self.dense else self._experts(f"{path}.mlp")
            for norm in ("input_layernorm", "post_attention_layernorm"):
                yield f"{path}.{norm}.weight", (self.hidden,), "BF16"
            if number >= self.layers:
                yield f"{path}.eh_proj.weight", (self.hidden, 2 * self.hidden), "BF16"
                yield f"{path}.shared_head.head.weight", (self.vocabulary, self.hidden), "BF16"
                for norm in ("enorm", "hnorm", "shared_head.norm"):
                    yield f"{path}.{norm}.weight", (self.hidden,), "BF16"
        yield "model.norm.weight", (self.hidden,), "BF16"
        yield "lm_head.weight", (self.vocabulary, self.hidden), "BF16"

    def _attention(self, path: str) -> Named:
        heads, head = self.heads, self.nope + self.rope
        yield f"{path}.q_a_proj.weight", (self.query_rank, self.hidden), "F8_E4M3"
        yield f"{path}.q_a_layernorm.weight", (self.query_rank,), "BF16"
        yield f"{path}.q_b_proj.weight", (heads * head, self.query_rank), "F8_E4M3"
        yield f"{path}.kv_a_proj_with_mqa.weight", (self.rank + self.rope, self.hidden), "F8_E4M3"
        yield f"{path}.kv_a_layernorm.weight", (self.rank,), "BF16"
        yield f"{path}.kv_b_proj.weight", (heads * (self.nope + self.value), self.rank), "F8_E4M3"
        yield f"{path}.o_proj.weight", (self.hidden, heads * self.value), "F8_E4M3"
        if self.index is not None:
            index_heads, width = self.index
            yield f"{path}.indexer.wq_b.weight", (index_heads * width, self.query_rank), "F8_E4M3"
            yield f"{path}.indexer.wk.weight", (width, self.hidden), "F8_E4M3"
            yield f"{path}.indexer.k_norm.weight", (width,), "F32"
            yield f"{path}.indexer.k_norm.bias", (width,), "F32"
            yield f"{path}.indexer.weights_proj.weight", (index_heads, self.hidden), "BF16"

    def _experts(self, path: str) -> Named:
        yield f"{path}.gate.weight", (self.experts, self.hidden), "BF16"
        yield f"{path}.gate.e_score_correction_bias", (self.experts,), "F32"
        for number in range(self.experts):
            yield from self._dense(f"{path}.experts.{number}", self.expert)
        yield from self._dense(f"{path}.shared_experts", self.expert)

    def _dense(self, path: str, inner: int) -> Named:
        yield f"{path}.gate_proj.weight", (inner, self.hidden), "F8_E4M3"
        yield f"{path}.up_proj.weight", (inner, self.hidden), "F8_E4M3"
        yield f"{path}.down_proj.weight", (self.hidden, inner), "F8_E4M3"


DEEPSEEK_V3 = Shape(
    model_type="deepseek_v3", layers=61, dense=3, hidden=7168, inner=18432, expert=2048, experts=256, heads=128,
    query_rank=1536, vocabulary=129280, drafts=1,
)  # fmt: skip
KIMI_K2 = Shape(
    model_type="kimi_k2", layers=61, dense=1, hidden=7168, inner=18432, expert=2048, experts=384, heads=64,
    query_rank=1536, vocabulary=163840,
)  # fmt: skip
GLM_5 = Shape(
    model_type="glm_moe_dsa", layers=78, dense=3, hidden=6144, inner=12288, expert=2048, experts=256, heads=64,
    query_rank=2048, nope=192, value=256, vocabulary=154880, drafts=1, index=(32, 128),
    more={
        "architectures": ["GlmMoeDsaForCausalLM"], "index_n_heads": 32, "index_head_dim": 128, "index_topk": 2048,
        "rope_parameters": {"rope_theta": 1000000, "rope_type": "default"},
    },
)  # fmt: skip
SHAPES = {shape.model_type: shape for shape in (DEEPSEEK_V3, KIMI_K2, GLM_5)}


def write_headers(folder: Path, shape: Shape, *, plain: bool = False) -> Path:
    """Write the checkpoint without its numbers."""
    folder.mkdir(parents=True)
    tensors = [TensorInfo(name=name, dtype=dtype, shape=shape_) for name, shape_, dtype in shape.tensors(plain=plain)]
    groups = split(tensors, SHARD_BYTES * (2 if plain else 1))
    placed = [
        tensor.replace(shard=f"model-{number:05d}-of-{len(groups):05d}.safetensors")
        for number, members in enumerate(groups, 1)
        for tensor in members
    ]
    for name, layout in layouts(placed, {"format": "pt"}).items():
        with (folder / name).open("wb") as file:
            file.write(layout.header)
            file.truncate(layout.file_bytes)
            if "lm_head.weight" in layout.offsets:  # a head of its own, not the embeddings once more
                file.seek(layout.offsets["lm_head.weight"])
                file.write(b"\1")
    index = {"metadata": {}, "weight_map": {tensor.name: tensor.shard for tensor in placed}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    config = shape.config
    if plain:
        del config["quantization_config"]
    (folder / "config.json").write_text(json.dumps(config))
    write_tiny_tokenizer(folder)
    return folder
