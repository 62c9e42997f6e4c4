"""Dense transformers: their repos name nearly everything as MLX does."""

from __future__ import annotations

from architectures.layouts import also, beside, extra_layer, renamed, reshaped, rotary, transposed, without
from architectures.tiny import HIDDEN, INNER, LONG_ROPE, ROPE, VOCABULARY, YARN, Tiny, llama, tiny

_SLIDING = {"sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"]}
_BOTH_ROPES = {"sliding_attention": ROPE, "full_attention": ROPE}
_GRANITE = {
    "logits_scaling": 8.0, "attention_multiplier": 0.1, "embedding_multiplier": 12.0, "residual_multiplier": 0.2,
}  # fmt: skip
_TIED_HEAD = also(lm_head__weight=(VOCABULARY, HIDDEN))  # some repos ship it all the same
_GPT = {"n_embd": HIDDEN, "n_head": 4, "n_layer": 2, "n_positions": 128, "layer_norm_epsilon": 1e-5}

_LLAMA_LIKE: dict[str, Tiny] = {
    "llama": tiny(llama(), rotary()),
    "mistral": tiny(llama(sliding_window=64, head_dim=32)),
    "xverse": tiny(llama(), rotary()),
    "iquestcoder": tiny(llama(head_dim=16)),
    "qwen2": tiny(llama(tie_word_embeddings=True), _TIED_HEAD),
    "qwen3": tiny(llama(head_dim=32), cast=""),
    "smollm3": tiny(llama(no_rope_layer_interval=2, tie_word_embeddings=True), stored="F16", cast="float16"),
    "apertus": tiny(
        llama(mlp_bias=False, attention_bias=False, post_norm=False, qk_norm=True),
        reshaped((1,), "alpha_p", "alpha_n"),
    ),
    "cohere": tiny(llama("rms_norm_eps", layer_norm_eps=1e-5, use_qk_norm=True, tie_word_embeddings=True)),
    "cohere2": tiny(
        llama("rms_norm_eps", layer_norm_eps=1e-5, head_dim=16, sliding_window_pattern=2, **_SLIDING)
        | {"tie_word_embeddings": True}
    ),
    "ernie4_5": tiny(llama(head_dim=16, use_bias=False)),
    "exaone4": tiny(llama(head_dim=16, rope_scaling=None, sliding_window_pattern="LG", **_SLIDING)),
    "gemma": tiny(llama(head_dim=16, tie_word_embeddings=True)),
    "gemma2": tiny(llama(head_dim=16, tie_word_embeddings=True)),
    "gemma3_text": tiny(
        llama(head_dim=32, sliding_window_pattern=2, tie_word_embeddings=True, **_SLIDING), without("lm_head")
    ),
    "glm": tiny(llama(head_dim=16, attention_bias=True), rotary()),
    "glm4": tiny(llama(head_dim=16, attention_bias=True, partial_rotary_factor=0.5)),
    "granite": tiny(llama(attention_bias=False, mlp_bias=False, **_GRANITE)),
    "helium": tiny(llama(attention_bias=False, head_dim=16, mlp_bias=False)),
    "hunyuan_v1_dense": tiny(llama(head_dim=16, tie_word_embeddings=True), _TIED_HEAD),
    "internlm3": tiny(llama(bias=False, qkv_bias=False, head_dim=16)),
    "iquestloopcoder": tiny(llama(head_dim=16, loop_window_size=16)),
    "llama4_text": tiny(
        llama(
            intermediate_size_mlp=INNER,
            head_dim=16,
            no_rope_layers=[1, 0],
            use_qk_norm=True,
            moe_layers=[],
            tie_word_embeddings=True,
        )
    ),
    "mimo": tiny(
        llama(),
        extra_layer(1),
        renamed((r"model\.layers\.2\.", "model.mtp_layers.0.")),
    ),
    "minicpm": tiny(llama("tie_word_embeddings", dim_model_base=32, scale_depth=1.4, scale_emb=12), without("lm_head")),
    "ministral3": tiny(llama("rope_theta", head_dim=16, rope_parameters=YARN)),
    "nanbeige": tiny(llama(num_loops=2), rotary()),
    "nemotron": tiny(llama("rms_norm_eps", hidden_act="relu2", norm_eps=1e-5)),
    "nemotron-nas": tiny(
        llama(
            "num_key_value_heads",
            num_hidden_layers=3,
            block_configs=[
                {"attention": {"n_heads_in_group": 2}, "ffn": {"ffn_mult": 1.5}},
                {"attention": {"no_op": True}, "ffn": {"ffn_mult": 1.5}},
                {"attention": {"replace_with_linear": True}, "ffn": {"replace_with_linear": True}},
            ],
        )
    ),
    "olmo2": tiny(llama()),
    "olmo3": tiny(llama(**_SLIDING)),
    "phi": tiny(
        llama("rms_norm_eps", num_key_value_heads=4, layer_norm_eps=1e-5, partial_rotary_factor=0.5),
        stored="F16",
        cast="float16",
    ),
    "phi3": tiny(llama(rope_scaling=LONG_ROPE, original_max_position_embeddings=128)),
    "seed_oss": tiny(llama(head_dim=16, attention_bias=True)),
    "stablelm": tiny(
        llama("rms_norm_eps", use_qkv_bias=True, partial_rotary_factor=0.25, layer_norm_eps=1e-5, qk_layernorm=True)
    ),
    "starcoder2": tiny(llama("rms_norm_eps", norm_epsilon=1e-5, tie_word_embeddings=True)),
    "telechat3": tiny(llama(head_dim=16)),
}

_OWN_NAMES: dict[str, Tiny] = {
    "afm7": tiny(
        {
            "vocab_size": VOCABULARY, "hidden_dim": HIDDEN, "num_layers": 4, "num_kv_reuse_layers": 2, "num_heads": 4,
            "num_kv_heads": 2, "hidden_dim_scale_factor": 2.0,
        },
        mlx="there is no repo in another layout",
    ),
    "baichuan_m1": tiny(
        llama(
            sliding_window=8, sliding_window_layers=[1], conv_window=2, num_swa_attention_heads=2,
            num_swa_key_value_heads=1,
        )
    ),
    "exaone": tiny(
        llama("num_hidden_layers", "rms_norm_eps", num_layers=2, layer_norm_epsilon=1e-5, tie_word_embeddings=True)
    ),
    # Without a "conv_mixer" layer: transformers does not know that word and, with it, loads no tokenizer.
    "gear": tiny(
        llama(head_dim=16, tie_word_embeddings=True, **_SLIDING),
        also(model__embed_tokens__embed_scale=()),
    ),
    "gpt2": tiny(
        _GPT | {"n_ctx": 128, "vocab_size": VOCABULARY},
        transposed("c_attn.weight", "c_proj.weight", "c_fc.weight"),
        renamed((r"^model\.", "")),
        beside("attn.c_attn.weight", "attn.bias", (1, 1, 128, 128)),
        stored="F32",
        cast="",
    ),
    "gpt_bigcode": tiny(_GPT | {"n_inner": INNER, "vocab_size": VOCABULARY}),
    "gpt_neox": tiny(
        llama("rms_norm_eps", layer_norm_eps=1e-5, rotary_emb_base=10000, rotary_pct=0.25) | {"intermediate_size": 256},
        renamed((r"^model\.h\.", "gpt_neox.layers."), (r"^model\.embed_out", "embed_out"), (r"^model\.", "gpt_neox.")),
        beside("attention.dense.weight", "attention.bias", (1, 1, 64, 64), "U8"),
        beside("attention.dense.weight", "attention.masked_bias", (), "F16"),
        rotary("attention", "dense.weight"),
        stored="F16",
        cast="float16",
    ),
    "gptj": tiny(
        _GPT | {"rotary_dim": 8, "vocab_size": VOCABULARY},
        renamed((r"^model\.", "transformer.")),
        beside("attn.q_proj.weight", "attn.bias", (1, 1, 64, 64), "U8"),
        beside("attn.q_proj.weight", "attn.masked_bias", ()),
        stored="F32",
    ),
    "internlm2": tiny(
        llama(bias=False), beside("attention.wqkv.weight", "attention.rope.inv_freq", (8,))
    ),
    "lille-130m": tiny(
        {
            "block_size": 128, "layer_norm_eps": 1e-5, "n_embd": HIDDEN, "n_head": 4, "n_kv_heads": 2, "n_layer": 2,
            "rope_theta": 10000.0, "vocab_size": VOCABULARY,
        },
        beside("attention.qkv_proj.weight", "attention.rotary_emb.freqs_cis", (8, 2)),
    ),
    "muse_glimmer": tiny(
        {"text_config": llama(head_dim=16, **_SLIDING) | {"dtype": "bfloat16"}},
        renamed((r"^model\.", "language_model.model."), (r"^lm_head", "language_model.lm_head")),
        also(vision_tower__patch__weight=(8, 8), vision_projection__weight=(8, 8)),
        cast="",
    ),
    "nanochat": tiny(llama(num_key_value_heads=4)),
    "olmo": tiny(
        {
            "d_model": HIDDEN, "n_layers": 2, "mlp_hidden_size": INNER, "n_heads": 4, "vocab_size": VOCABULARY,
            "embedding_size": VOCABULARY,
        }
    ),
    "openelm": tiny(
        {
            "head_dim": 16, "num_transformer_layers": 2, "model_dim": HIDDEN, "vocab_size": VOCABULARY,
            "ffn_dim_divisor": 64, "num_query_heads": [4, 4], "num_kv_heads": [2, 2], "ffn_multipliers": [1.0, 2.0],
        }
    ),
    "phi3small": tiny(
        {
            "hidden_size": HIDDEN, "dense_attention_every_n_layers": 2, "ff_intermediate_size": INNER,
            "gegelu_limit": 20.0, "num_hidden_layers": 2, "num_attention_heads": 4, "layer_norm_epsilon": 1e-5,
            "vocab_size": VOCABULARY, "num_key_value_heads": 2,
        },
        rotary("self_attn", "dense.weight"),
    ),
    "plamo": tiny(llama(n_shared_head=2)),
    "plamo3": tiny(
        llama(head_dim=16, window_size=16, sliding_window_pattern=2, tie_word_embeddings=True), _TIED_HEAD
    ),
    "qwen": tiny(llama("rms_norm_eps", kv_channels=16, layer_norm_epsilon=1e-6)),
    "spark2_5": tiny(
        llama(head_dim=16, rope_parameters=_BOTH_ROPES, tie_word_embeddings=True, **_SLIDING),
        _TIED_HEAD,
        rotary("self_attn", "q_k_v_proj.weight"),
    ),
    "talkie": tiny(
        llama(head_dim=16, num_key_value_heads=4), also(model__rotary__cos=(8, 8), model__rotary__sin=(8, 8))
    ),
}  # fmt: skip

_PACKED: dict[str, Tiny] = {
    "bitnet": tiny(
        llama(
            tie_word_embeddings=True,
            quantization_config={"quant_method": "bitnet", "linear_class": "autobitlinear"},
        )
    ),
}

DENSE = _LLAMA_LIKE | _OWN_NAMES | _PACKED
