"""Latent attention (DeepSeek's and its kin): a projection in the repo is two per-head matrices in MLX."""

from __future__ import annotations

from architectures.experts import DEEPSEEK
from architectures.layouts import absorbed, also, extra_layer, fused, renamed, rotary, transposed, unstacked
from architectures.tiny import EXPERTS, HIDDEN, LONG_ROPE, ROPE, VOCABULARY, YARN, Tiny, llama, tiny

LATENT = {
    "kv_lora_rank": 32, "q_lora_rank": 48, "qk_rope_head_dim": 16, "qk_nope_head_dim": 32, "v_head_dim": 64,
}  # fmt: skip
_WIDE = LATENT | {"kv_lora_rank": 64, "qk_nope_head_dim": 64}  # so that the per-head matrices are quantized
_INDEXER = {"index_head_dim": 32, "index_n_heads": 2, "index_topk": 8}
_BAILING = EXPERTS | {
    "num_shared_experts": 1, "first_k_dense_replace": 1, "layer_group_size": 2, "head_dim": 16, "n_group": 1,
    "topk_group": 1, "routed_scaling_factor": 1.0, "num_key_value_heads": 4,
}  # fmt: skip
_LONGCAT = LATENT | {
    "hidden_size": HIDDEN, "ffn_hidden_size": 128, "moe_topk": 2, "expert_ffn_hidden_size": 64, "n_routed_experts": 4,
    "zero_expert_num": 2, "num_layers": 2, "vocab_size": VOCABULARY, "max_position_embeddings": 256,
    "num_attention_heads": 4, "routed_scaling_factor": 1.0, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "mla_scale_q_lora": True, "mla_scale_kv_lora": True, "attention_bias": False, "attention_method": "MLA",
    "zero_expert_type": "identity",
}  # fmt: skip
_MTP = also(model__mtp__norm__weight=(HIDDEN,))
_V3 = tiny(llama(**DEEPSEEK, **_WIDE), unstacked(), absorbed(), rotary("self_attn", "o_proj.weight"))
# A layer that keeps no compressed keys, one that makes them and their index, one that reads both.
_V41 = tiny(
    {
        "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "num_hidden_layers": 3, "num_attention_heads": 4,
        "head_dim": 32, "q_lora_rank": 64, "qk_rope_head_dim": 16, "o_groups": 2, "o_lora_rank": 32,
        "moe_intermediate_size": 64, "n_routed_experts": 4, "num_experts_per_tok": 2, "sliding_window": 16,
        "compress_ratios": [0, 4, 4], "kv_source_layer_ids": [1], "index_source_layer_ids": [1],
        "index_n_heads": 2, "index_head_dim": 32, "index_topk": 8, "hc_mult": 2, "max_position_embeddings": 256,
    },
    unstacked("mlp.experts.switch_mlp", gate_proj="w1", down_proj="w2", up_proj="w3"),
    lambda specs: {
        name: spec._replace(shape=(spec.shape[0] * spec.shape[1], spec.shape[2])) if ".o_a_proj." in name else spec
        for name, spec in specs.items()
    },
    renamed(
        (r"^lm_head\.", "head."), (r"^model\.embed_tokens", "embed"), (r"^model\.", ""),
        (r"\.shared_experts\.gate_proj", ".shared_experts.w1"), (r"\.shared_experts\.down_proj", ".shared_experts.w2"),
        (r"\.shared_experts\.up_proj", ".shared_experts.w3"), (r"\.gate\.e_score_correction_bias", ".gate.bias"),
        (r"\.indexer\.k_proj\.", ".indexer.wk."), (r"\.compressor\.kv_norm\.", ".compressor.norm."),
        (r"\.q_a_norm\.", ".q_norm."), (r"\.o_b_proj\.", ".wo_b."), (r"\.o_a_proj\.", ".wo_a."),
        (r"\.compressor\.gate_proj\.", ".compressor.wgate."), (r"\.kv_proj\.", ".wkv."), (r"\.q_b_proj\.", ".wq_b."),
        (r"\.q_a_proj\.", ".wq_a."), (r"\.sinks$", ".attn_sink"), (r"\.(attn|ffn)_hc\.", r".hc_\1_"),
        (r"\.post_attention_layernorm\.", ".ffn_norm."), (r"\.input_layernorm\.", ".attn_norm."),
        (r"\.mlp\.", ".ffn."), (r"\.self_attn\.", ".attn."),
    ),
    also(mtp__0__norm__weight=(HIDDEN,), vision__patch__weight=(8, 8)),
    cast="",
)  # fmt: skip

LATENT_MODELS: dict[str, Tiny] = {
    "bailing_hybrid": tiny(
        llama(group_norm_size=1, num_nextn_predict_layers=1, **_BAILING, **LATENT),
        unstacked(),
        renamed((r"\.gate\.gate_proj\.", ".gate.")),
        absorbed(),
        extra_layer(1),
    ),
    "bailing_moe_v3": tiny(
        llama(moe_shared_expert_intermediate_size=64, **_BAILING, **LATENT)
        | {"model_type": "bailing_hybrid", "architectures": ["BailingMoeV3ForCausalLM"]},
        unstacked(),
        absorbed(),
        transposed("_conv1d.weight"),
        extra_layer(1),
    ),
    "deepseek_v2": tiny(llama(**DEEPSEEK, **LATENT, rope_scaling=YARN), unstacked()),
    "deepseek_v3": _V3,
    "deepseek_v32": tiny(llama(**DEEPSEEK, **LATENT, **_INDEXER), unstacked(), absorbed(), extra_layer(2)),
    "deepseek_v41": _V41,
    "deepseek_v41_text": _V41,
    "glm4_moe_lite": tiny(llama(**DEEPSEEK, **_WIDE), unstacked(), absorbed(), extra_layer(2)),
    "glm_moe_dsa": tiny(
        llama(
            rope_parameters=ROPE, attention_bias=False, topk_method="noaux_tc", scoring_func="sigmoid",
            **DEEPSEEK, **LATENT, **_INDEXER,
        ),
        unstacked(),
        absorbed(),
        extra_layer(2),
    ),
    "joyai_llm_flash": _V3,
    "kimi_k2": _V3,
    "longcat_flash": tiny(_LONGCAT, unstacked(), absorbed(), _MTP),
    "longcat_flash_ngram": tiny(
        _LONGCAT | {"ngram_vocab_size_ratio": 2, "emb_neighbor_num": 2, "emb_split_num": 2},
        unstacked(),
        absorbed(),
        renamed((r"ngram_embeddings\.word_embeddings", "embed_tokens")),
        _MTP,
    ),
    "minicpm3": tiny(
        llama(
            dim_model_base=32, scale_depth=1.4, scale_emb=12, num_key_value_heads=4, rope_scaling=LONG_ROPE,
            **(LATENT | {"v_head_dim": 16}),
        )
    ),
    "mistral4": tiny(
        llama(rope_parameters=YARN, **DEEPSEEK, **LATENT),
        fused("mlp.switch_mlp", "mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
        absorbed(),
    ),
    "youtu_llm": tiny(llama(num_key_value_heads=4, **LATENT)),
}  # fmt: skip
