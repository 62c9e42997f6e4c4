"""Mixtures of experts: repos hold a tensor for each expert, or their own stacks; MLX stacks them its way."""

from __future__ import annotations

from architectures.layouts import (
    LLAMA_EXPERTS,
    Spec,
    Specs,
    also,
    beside,
    extra_layer,
    fused,
    glued,
    renamed,
    rotary,
    unstacked,
)
from architectures.tiny import EXPERTS, HIDDEN, INNER, LONG_ROPE, ROPE, VOCABULARY, Tiny, llama, tiny

_SLIDING = {"sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]}
_SHARED = {"num_shared_experts": 1, "first_k_dense_replace": 1}
_MIXTRAL = {"num_local_experts": 4, "num_experts_per_tok": 2}
_GRANITE = _MIXTRAL | {
    "logits_scaling": 8.0, "attention_multiplier": 0.1, "embedding_multiplier": 12.0, "residual_multiplier": 0.2,
    "attention_bias": False, "tie_word_embeddings": True,
}  # fmt: skip
DEEPSEEK = {
    "num_hidden_layers": 3, "moe_intermediate_size": 64, "n_shared_experts": 1, "n_routed_experts": 4,
    "num_experts_per_tok": 2, "routed_scaling_factor": 1.0, "first_k_dense_replace": 1, "moe_layer_freq": 1,
    "n_group": 1, "topk_group": 1, "norm_topk_prob": True, "num_key_value_heads": 4,
}  # fmt: skip
_GROUPED = DEEPSEEK | {"num_key_value_heads": 2, "head_dim": 16, "attention_bias": False, "rope_scaling": None}
_LIKE_MIXTRAL = unstacked("block_sparse_moe.switch_mlp", "block_sparse_moe.experts", **LLAMA_EXPERTS)
_PLAIN_GATE = renamed((r"\.gate\.gate_proj\.", ".gate."))
_MINIMAX = tiny(llama(shared_intermediate_size=0, rotary_dim=8, head_dim=16, **_MIXTRAL), _LIKE_MIXTRAL)
_PHIXTRAL = tiny(
    {
        "num_vocab": VOCABULARY, "model_dim": HIDDEN, "num_heads": 4, "num_layers": 2, "rotary_dim": 8,
        "num_experts_per_tok": 2, "num_local_experts": 4,
    },
    unstacked("moe.switch_mlp", "moe.mlp"),
    stored="F16",
    cast="float16",
)  # fmt: skip


def _mxfp4(specs: Specs) -> Specs:
    """The experts of gpt-oss as they were published: four-bit blocks of 32 values, each with its scale."""
    result: Specs = {}
    for name, spec in specs.items():
        if ".experts." not in name:
            result[name] = spec
            continue
        place, projection, leaf = name.rsplit(".", 2)
        if projection == "up_proj":
            continue
        rows = 2 * spec.shape[1] if projection == "gate_proj" else spec.shape[1]
        path = f"{place}.{projection.replace('gate_proj', 'gate_up_proj')}"
        if leaf == "bias":
            result[f"{path}_bias"] = Spec((spec.shape[0], rows))
        else:
            blocks = spec.shape[2] // 32
            result[f"{path}_blocks"] = Spec((spec.shape[0], rows, blocks, 16), "U8")
            result[f"{path}_scales"] = Spec((spec.shape[0], rows, blocks), "U8")
    return result


EXPERT_MODELS: dict[str, Tiny] = {
    "Klear": tiny(
        llama(attention_bias=False, mlp_only_layers=[0], decoder_sparse_step=1, n_shared_experts=1, **EXPERTS),
        unstacked("mlp.experts"),
    ),
    "afmoe": tiny(
        llama(head_dim=16, num_dense_layers=1, num_shared_experts=1, **_SLIDING, **EXPERTS),
        unstacked("mlp.experts"),
        rotary(),
    ),
    "bailing_moe": tiny(llama(use_qk_norm=True, **_SHARED, **EXPERTS), unstacked(), _PLAIN_GATE),
    "bailing_moe_linear": tiny(
        llama(
            layer_group_size=2, group_norm_size=1, use_qk_norm=True, head_dim=16, num_key_value_heads=4,
            norm_head=True, **_SHARED, **EXPERTS,
        ),
        unstacked(),
        _PLAIN_GATE,
    ),
    "dbrx": tiny(
        {
            "vocab_size": VOCABULARY, "d_model": HIDDEN, "n_layers": 2, "n_heads": 4,
            "ffn_config": {"moe_num_experts": 4, "moe_top_k": 2, "ffn_hidden_size": INNER},
            "attn_config": {"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 10000.0},
        },
        glued("ffn.experts", transpose=("w2",)),
    ),
    "deepseek": tiny(llama(**DEEPSEEK), unstacked()),
    "dots1": tiny(llama(**DEEPSEEK), unstacked("mlp.experts"), rotary()),
    "ernie4_5_moe": tiny(
        llama(
            use_bias=False, moe_num_experts=4, moe_k=2, moe_intermediate_size=64, moe_layer_start_index=1,
            moe_num_shared_experts=1, head_dim=16,
        ),
        unstacked(),
        beside("mlp.gate.weight", "mlp.moe_statics.e_score_correction_bias", (1, 4)),
        also(model__mtp_block__0__input_layernorm__weight=(HIDDEN,)),
    ),
    "exaone_moe": tiny(
        llama(head_dim=16, num_shared_experts=1, is_moe_layer=[False, True], **_SLIDING, **EXPERTS),
        unstacked(),
        renamed((r"mlp\.gate\.e_score", "mlp.e_score")),
        also(mtp__norm__weight=(HIDDEN,)),
    ),
    "glm4_moe": tiny(
        llama(use_qk_norm=True, partial_rotary_factor=0.5, **_GROUPED) | {"attention_bias": True},
        unstacked(),
        extra_layer(2),
    ),
    "gpt_oss": tiny(
        llama(
            head_dim=16, quantization_config={"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*"]},
            **_SLIDING, **_MIXTRAL,
        ),
        _mxfp4,
    ),
    "granitemoe": tiny(
        llama(**_GRANITE),
        fused("switch_mlp", "input_linear.weight", "output_linear.weight"),
    ),
    "hunyuan": tiny(
        llama(
            attention_bias=False, moe_topk=2, num_experts=4, num_shared_expert=1, use_mixed_mlp_moe=True,
            use_qk_norm=True, use_cla=True, cla_share_factor=2, tie_word_embeddings=True,
            rope_scaling={"type": "dynamic", "alpha": 1000.0, "factor": 1.0},
        ),
        unstacked(),
    ),
    "laguna": tiny(
        llama(
            num_experts=4, num_experts_per_tok=2, moe_intermediate_size=64, shared_expert_intermediate_size=64,
            head_dim=16, rope_parameters={"full_attention": ROPE},
        ),
        unstacked(),
        renamed((r"mlp\.gate\.proj\.", "mlp.gate."), (r"mlp\.gate\.e_score", "mlp.experts.e_score")),
    ),
    "mellum": tiny(
        llama(
            "rope_theta", head_dim=16, rope_parameters={"sliding_attention": ROPE, "full_attention": ROPE},
            **_SLIDING, **EXPERTS,
        ),
        unstacked(),
    ),
    "mimo_v2_flash": tiny(
        llama(**DEEPSEEK)
        | {
            "hybrid_layer_pattern": [0, 1, 1], "moe_layer_freq": [0, 1, 1], "add_swa_attention_sink_bias": True,
            "add_full_attention_sink_bias": False, "sliding_window_size": 16, "topk_method": "noaux_tc",
            "scoring_func": "sigmoid", "layernorm_epsilon": 1e-5, "swa_rope_theta": 10000.0,
            "swa_num_attention_heads": 4, "swa_num_key_value_heads": 4, "head_dim": 32, "v_head_dim": 16,
            "swa_head_dim": 32, "swa_v_head_dim": 16, "partial_rotary_factor": 0.5, "n_shared_experts": None,
            "num_key_value_heads": 2,
        },
        unstacked(),
        also(model__mtp__layers__0__input_layernorm__weight=(HIDDEN,)),
    ),
    "minimax": _MINIMAX,
    "minimax_m2": _MINIMAX,
    "mixtral": tiny(llama(**_MIXTRAL), _LIKE_MIXTRAL),
    "olmoe": tiny(llama(num_experts=4, num_experts_per_tok=2), unstacked()),
    "phi-msft": _PHIXTRAL,
    "phimoe": tiny(
        llama(
            original_max_position_embeddings=128, rope_scaling=LONG_ROPE, attention_bias=True, lm_head_bias=True,
            **_MIXTRAL,
        ),
        _LIKE_MIXTRAL,
    ),
    "phixtral": _PHIXTRAL,
    "qwen2_moe": tiny(llama(shared_expert_intermediate_size=64, **EXPERTS), unstacked()),
    "qwen3_moe": tiny(
        llama(num_hidden_layers=3, decoder_sparse_step=1, mlp_only_layers=[0], head_dim=16, **EXPERTS), unstacked()
    ),
    "solar_open": tiny(llama(partial_rotary_factor=1.0, **_GROUPED) | {"first_k_dense_replace": 0}, unstacked()),
    "step3p5": tiny(
        llama(
            "num_key_value_heads", num_hidden_layers=3, num_attention_groups=2, head_dim=16, sliding_window=16,
            layer_types=["sliding_attention", "full_attention", "full_attention"], moe_num_experts=4, moe_top_k=2,
            moe_intermediate_size=64, share_expert_dim=64, moe_layers_enum="1,2",
            attention_other_setting={
                "attention_type": "sliding_attention", "num_attention_heads": 4, "num_attention_groups": 2,
                "head_dim": 16,
            },
        ),
        renamed(
            (r"mlp\.switch_mlp\.", "moe."),
            (r"mlp\.gate\.gate\.", "moe.gate."),
            (r"mlp\.gate\.router_bias", "moe.router_bias"),
            (r"mlp\.share_expert\.", "share_expert."),
        ),
        extra_layer(2),
    ),
}  # fmt: skip
