"""The architectures that are compared with transformers: what makes each tiny, and why it differs where it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Compared:
    """Settings of a tiny configuration (``changes``) and of its rotary positions (``rope``).

    ``why`` the logits differ or nothing is converted, "" where they are equal; ``limit`` is where equality ends.
    ``window``: they are equal for as many tokens as a layer looks back at, and differ beyond.
    """

    changes: dict[str, Any] = field(default_factory=dict)
    rope: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    limit: str = ""
    window: bool = False


def _of(why: str = "", *, limit: str = "", rope: dict[str, Any] | None = None, **changes: Any) -> Compared:
    return Compared(changes, rope or {}, why, limit, window=why == _WINDOW)


_WINDOW = (
    "the class looks at the whole text, transformers at a window: equal for texts that fit into it, warned of"
    " (`window_differs`)"
)
_NAMES = "transformers names its tensors otherwise than the class, and no plain renaming makes them fit"
_ODD_BASES = "the class has one base for all layers: another one for some is refused (`rope_differs`)"
COMPARED: dict[str, Compared] = {
    "afmoe": _of(),
    "apertus": _of(),
    "bailing_hybrid": _of(n_group=1, topk_group=1, num_local_experts=4, num_experts_per_tok=2),
    "bitnet": _of("the class takes layers that are packed in 2 bits, transformers saves what they are packed from"),
    "cohere": _of(),
    "cohere2": _of(),
    "dbrx": _of(
        d_model=64, n_heads=4, n_layers=3, max_seq_len=512,
        attn_config={"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 77_000.0},
        ffn_config={"ffn_hidden_size": 32, "moe_num_experts": 4, "moe_top_k": 2},
    ),
    "deepseek_v2": _of(),
    "deepseek_v3": _of(),
    "deepseek_v32": _of(),
    "dots1": _of(n_shared_experts=1, n_routed_experts=4, num_experts_per_tok=2),
    "ernie4_5": _of(),
    "ernie4_5_moe": _of("the class leaves out the correction by which experts are chosen (`moe_statics`)"),
    "exaone": _of(),
    "exaone4": _of(),
    "exaone_moe": _of(),
    "falcon_h1": _of(),
    "falcon_mamba": _of(),
    "gemma": _of("the class takes the exact GELU, transformers its approximation by tanh"),
    "gemma2": _of(_WINDOW),
    "gemma3": _of(),
    "gemma3_text": _of(),
    "gemma4_text": _of(),
    "glm": _of("the class turns whole heads, config.json and transformers half of each: refused (`rope_differs`)"),
    "glm4": _of(),
    "glm4_moe": _of(),
    "glm4_moe_lite": _of(),
    "glm_moe_dsa": _of(),
    "gpt2": _of(_NAMES, n_embd=64, n_layer=3, n_head=4, n_positions=512),
    "gpt_bigcode": _of(
        "the class takes the exact GELU, transformers its approximation by tanh",
        n_embd=64, n_layer=3, n_head=4, n_positions=512,
    ),
    "gpt_neox": _of(
        "the class takes an approximation of GELU, transformers the exact one",
        intermediate_size=256, num_key_value_heads=4,
    ),
    "gpt_oss": _of("the class rounds the ends of the YaRN ramp, config.json says not to (`truncate`): warned of"),
    "gptj": _of(n_embd=64, n_layer=3, n_head=4, n_positions=512, rotary_dim=8),
    "granite": _of(),
    "granitemoe": _of(),
    "granitemoehybrid": _of(layer_types=["linear_attention", "full_attention"] * 3, mamba_n_heads=4),
    "helium": _of(),
    "hunyuan_v1_dense": _of(),
    "internlm3": _of(),
    "iquestcoder": _of(),
    "jamba": _of("the class weighs the chosen experts among themselves, transformers among all experts"),
    "kimi_linear": _of(
        q_lora_rank=None, num_local_experts=4, num_experts_per_tok=2, linear_head_dim=16, linear_num_heads=4
    ),
    "laguna": _of(),
    "lfm2": _of(layer_types=["conv", "full_attention"] * 3),
    "lfm2_moe": _of(layer_types=["conv", "full_attention"] * 3),
    "llama": _of(),
    "llama4_text": _of(
        _WINDOW,
        limit="a model with experts, with layers without positions beside norms of queries, or with a scale that grows"
        " with the text is no model of this class",
        moe_layers=[], attn_temperature_tuning=False, intermediate_size_mlp=96, no_rope_layers=[1] * 6,
        attention_chunk_size=8,
    ),
    "longcat_flash": _of(num_layers=3, ffn_hidden_size=96, expert_ffn_hidden_size=32, moe_topk=2, zero_expert_num=2),
    "mamba": _of(),
    "mamba2": _of(num_heads=8, head_dim=16, expand=2),
    "mellum": _of(),
    "mimo_v2_flash": _of(
        "the class looks at one token less than transformers in its windows", head_dim=24, v_head_dim=16
    ),
    "minicpm3": _of("with a shared head the class does not divide the logits by hidden_size / dim_model_base"),
    "minimax": _of("transformers saves buffers, such as `diagonal_decay`, for which the class has no place: refused"),
    "minimax_m2": _of(),
    "ministral3": _of(_WINDOW),
    "mistral": _of(_WINDOW),
    "mixtral": _of(_WINDOW),
    "nanochat": _of(_NAMES),
    "nemotron": _of(),
    "nemotron_h": _of("the shortest time step is `time_step_min` to transformers, and `time_step_limit` to the class"),
    "olmo2": _of(),
    "olmo3": _of(limit=_ODD_BASES, rope={"rope_theta": 77_000.0}),
    "olmo_hybrid": _of(_NAMES),
    "olmoe": _of(),
    "phi": _of(),
    "phi3": _of(_WINDOW),
    "phimoe": _of(_WINDOW, attention_bias=True, lm_head_bias=True),
    "qwen2": _of(),
    "qwen2_moe": _of(),
    "qwen3": _of(),
    "qwen3_5": _of(layer_types=["linear_attention", "full_attention"] * 3),
    "qwen3_5_moe": _of(layer_types=["linear_attention", "full_attention"] * 3),
    "qwen3_moe": _of(),
    "qwen3_next": _of(),
    "recurrent_gemma": _of(
        limit="the class has base 10,000 for good: another one is refused (`rope_differs`)",
        rope={"rope_theta": 10_000.0}, num_key_value_heads=1,
    ),
    "seed_oss": _of(),
    "smollm3": _of(),
    "solar_open": _of(),
    "stablelm": _of(),
    "starcoder2": _of("the class takes the exact GELU, transformers its approximation by tanh", limit=_WINDOW),
}  # fmt: skip
# Model types that both libraries know and that are not compared, and why.
NOT_COMPARED = {
    "gemma3n": "not compared: transformers wants the library timm for its eyes",
    "gemma4": "not compared: its text model is (gemma4_text)",
    "gemma4_unified": "not compared: its text model is (gemma4_text)",
    "llama4": "not compared: transformers itself fails on a text alone",
    "olmo": "not compared: mlx-lm's class wants the library ai2-olmo",
}
