"""Models with state-space layers, short convolutions or linear attention, whose convolutions are turned."""

from __future__ import annotations

from architectures.latent import LATENT
from architectures.layouts import (
    LLAMA_EXPERTS,
    absorbed,
    also,
    fused,
    parted,
    renamed,
    reshaped,
    transposed,
    unstacked,
    without,
)
from architectures.tiny import EXPERTS, HIDDEN, INNER, VOCABULARY, Tiny, llama, tiny, wrapped

_CONV = transposed("conv1d.weight")
LINEAR = {
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 32, "linear_value_head_dim": 32,
    "linear_conv_kernel_dim": 4,
}  # fmt: skip
LFM2 = llama(
    "rms_norm_eps", norm_eps=1e-5, conv_bias=False, conv_L_cache=3, block_dim=HIDDEN, block_ff_dim=192,
    block_multiple_of=64, block_ffn_dim_multiplier=1.0, block_auto_adjust_ff_dim=True,
    layer_types=["conv", "full_attention"], full_attn_idxs=[1], tie_word_embeddings=True,
)  # fmt: skip
_MAMBA = tiny(
    {
        "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "intermediate_size": INNER, "state_size": 16,
        "num_hidden_layers": 2, "conv_kernel": 4, "use_bias": False, "use_conv_bias": True, "time_step_rank": 4,
    },
    _CONV,
    cast="",
)  # fmt: skip
_KIMI = {
    "num_experts": 4, "moe_intermediate_size": 64, "num_experts_per_token": 2, "num_shared_experts": 1,
    "first_k_dense_replace": 1, "num_key_value_heads": 4, "num_hidden_layers": 3,
    "linear_attn_config": {
        "kda_layers": [1, 3], "full_attn_layers": [2], "head_dim": 16, "num_heads": 4, "short_conv_kernel_size": 4,
    },
}  # fmt: skip
# The published names put everything of an expert layer under block_sparse_moe; a dense layer keeps mlp.
_KIMI_EXPERTS = (
    unstacked("mlp.switch_mlp", "block_sparse_moe.experts", **LLAMA_EXPERTS),
    renamed(
        (r"mlp\.(shared_experts|gate)\.", r"block_sparse_moe.\1."),
        (r"mlp\.e_score", "block_sparse_moe.gate.e_score"),
    ),
    absorbed(),
)
_KIMI_CONVOLUTIONS = (
    renamed((r"\.([qkv])_conv\.conv\.", r".\1_conv1d.")),
    _CONV,
)

RECURRENT: dict[str, Tiny] = {
    "falcon_h1": tiny(
        llama(
            head_dim=16, mamba_d_conv=4, mamba_d_head=16, mamba_d_ssm=64, mamba_d_state=16, mamba_n_groups=1,
            mamba_n_heads=4, mamba_chunk_size=32, attention_out_multiplier=0.9, embedding_multiplier=5.6,
            key_multiplier=0.4, lm_head_multiplier=0.04, ssm_in_multiplier=1.25, ssm_out_multiplier=0.25,
        ),
        _CONV,
    ),
    "falcon_mamba": _MAMBA,
    "granitemoehybrid": tiny(
        llama(
            logits_scaling=8.0, attention_multiplier=0.1, embedding_multiplier=12.0, residual_multiplier=0.2,
            attention_bias=False, layer_types=["mamba", "attention"], num_local_experts=4, num_experts_per_tok=2,
            shared_intermediate_size=64, mamba_n_heads=4, mamba_d_head=32, mamba_proj_bias=False, mamba_d_state=16,
            mamba_d_conv=4, mamba_n_groups=1, mamba_conv_bias=True, tie_word_embeddings=True,
        ),
        _CONV,
        fused("switch_mlp", "input_linear.weight", "output_linear.weight"),
        also(lm_head__weight=(VOCABULARY, HIDDEN)),
    ),
    "jamba": tiny(
        llama(
            attn_layer_offset=1, attn_layer_period=2, expert_layer_offset=1, expert_layer_period=2, mamba_d_conv=4,
            mamba_d_state=16, mamba_expand=2, num_experts=4, num_experts_per_tok=2,
        ),
        _CONV,
        unstacked("feed_forward.switch_mlp", "feed_forward.experts"),
    ),
    "kimi_linear": tiny(
        llama(model_max_length=256, head_dim=16, **_KIMI, **LATENT) | {"q_lora_rank": None},
        *_KIMI_EXPERTS,
        *_KIMI_CONVOLUTIONS,
    ),
    "kimi_k3": tiny(
        wrapped(
            llama(
                model_type="kimi_linear", activation_situ_beta=1.0, activation_situ_linear_beta=1.0,
                attn_res_block_size=2, **_KIMI, **LATENT,
            )
        ),
        *_KIMI_EXPERTS,
        parted("qkv_proj", q_proj=64, k_proj=64, v_proj=64),
        parted("qkv_conv", q_conv=64, k_conv=64, v_conv=64),
        *_KIMI_CONVOLUTIONS,
        reshaped((1, 1, 4, 1), "A_log"),
        renamed((r"(self_attention|mlp|output_attn)_res_(proj|norm)\.weight", r"\1_res.\2_weight")),
        also(vision_tower__patch__weight=(8, 8), mm_projector__weight=(8, 8)),
    ),
    "lfm2": tiny(LFM2, transposed("conv.conv.weight")),
    "lfm2_moe": tiny(
        llama(
            "rms_norm_eps", num_hidden_layers=3, norm_eps=1e-5, conv_bias=False, conv_L_cache=3, use_expert_bias=True,
            num_dense_layers=1, layer_types=["conv", "full_attention", "conv"], tie_word_embeddings=True, **EXPERTS,
        ),
        transposed("conv.conv.weight"),
        unstacked("feed_forward.switch_mlp", "feed_forward.experts"),
        renamed((r"\.gate_proj\.", ".w1."), (r"\.down_proj\.", ".w2."), (r"\.up_proj\.", ".w3.")),
    ),
    "mamba": _MAMBA,
    "mamba2": tiny(
        {
            "num_heads": 4, "head_dim": 32, "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "intermediate_size": INNER,
            "state_size": 16, "num_hidden_layers": 2, "layer_norm_epsilon": 1e-5, "conv_kernel": 4, "n_groups": 2,
            "use_bias": False, "use_conv_bias": True, "tie_word_embeddings": True, "time_step_rank": "auto",
            "time_step_limit": [0.0, {"__float__": "Infinity"}],
        },
        _CONV,
        stored="F16",
        cast="float16",
    ),
    "nemotron_h": tiny(
        llama(
            "rms_norm_eps", "rope_theta", "num_hidden_layers", attention_bias=False, mamba_num_heads=4,
            mamba_head_dim=32, mamba_proj_bias=False, ssm_state_size=16, conv_kernel=4, n_groups=1, mlp_bias=False,
            layer_norm_epsilon=1e-5, use_bias=False, use_conv_bias=True, hybrid_override_pattern="M*-E", head_dim=16,
            moe_intermediate_size=64, moe_shared_expert_intermediate_size=64, n_group=1, n_routed_experts=4,
            n_shared_experts=1, topk_group=1, num_experts_per_tok=2, norm_topk_prob=True, routed_scaling_factor=1.0,
        ),
        _CONV,
        unstacked("mixer.switch_mlp", "mixer.experts", fc1="up_proj", fc2="down_proj"),
        also(mtp__norm__weight=(HIDDEN,)),
    ),
    "olmo_hybrid": tiny(
        llama(
            linear_allow_neg_eigval=True, attention_bias=False, layer_types=["linear_attention", "full_attention"],
            **LINEAR,
        ),
        _CONV,
    ),
    "plamo2": tiny(
        llama(
            hidden_size_per_head=16, mamba_d_state=16, mamba_d_conv=4, mamba_num_heads=4, mamba_step=2,
            tie_word_embeddings=True,
        ),
        _CONV,
    ),
    "qwen3_next": tiny(
        llama(
            decoder_sparse_step=1, shared_expert_intermediate_size=64, mlp_only_layers=[], partial_rotary_factor=0.5,
            head_dim=16, full_attention_interval=2, **EXPERTS, **LINEAR,
        ),
        _CONV,
        unstacked(),
        also(mtp__norm__weight=(HIDDEN,)),
    ),
    "recurrent_gemma": tiny(
        llama(
            attention_bias=False, conv1d_width=4, logits_soft_cap=30.0, attention_window_size=16,
            block_types=["recurrent", "attention"], num_key_value_heads=1, tie_word_embeddings=True,
        ),
        transposed("conv_1d.weight"),
        without("lm_head"),
    ),
    "rwkv7": tiny(
        {
            "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "intermediate_size": INNER, "norm_eps": 1e-5,
            "head_dim": 16, "num_hidden_layers": 2, "a_low_rank_dim": 16, "v_low_rank_dim": 16,
            "gate_low_rank_dim": 32, "decay_low_rank_dim": 64,
        },
        reshaped((HIDDEN,), "k_k", "k_a", "g_norm.weight", "g_norm.bias"),
    ),
}  # fmt: skip
