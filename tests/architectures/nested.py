"""Text models inside models for pictures and sound, whose other towers are dropped."""

from __future__ import annotations

from architectures.experts import DEEPSEEK
from architectures.latent import LATENT
from architectures.layouts import (
    LLAMA_EXPERTS,
    Spec,
    Specs,
    absorbed,
    also,
    fused,
    parted,
    renamed,
    transposed,
    unstacked,
    without,
)
from architectures.recurrent import LFM2, LINEAR
from architectures.tiny import EXPERTS, HIDDEN, INNER, VOCABULARY, YARN, Tiny, llama, tiny, wrapped

_SLIDING = {"sliding_window": 16, "sliding_window_pattern": 2}
_TOWER = also(vision_tower__patch__weight=(8, 8), multi_modal_projector__weight=(8, 8))
_MODEL_TOWER = also(model__vision_tower__patch__weight=(8, 8), model__embed_vision__weight=(8, 8))
_VISUAL = also(visual__patch__weight=(8, 8))
_MODEL_VISUAL = also(model__visual__patch__weight=(8, 8))
_OUTER_MODEL = renamed((r"^language_model\.model\.", "model.language_model."), (r"^language_model\.lm_head", "lm_head"))
_UNNESTED = renamed((r"^language_model\.", ""))
_GEMMA4 = {
    "head_dim": 16, "global_head_dim": 32, "vocab_size_per_layer_input": VOCABULARY, "num_kv_shared_layers": 1,
    "hidden_size_per_layer_input": 32, "sliding_window": 16, "num_hidden_layers": 3, "enable_moe_block": True,
    "layer_types": ["sliding_attention", "full_attention", "full_attention"], "num_experts": 4, "top_k_experts": 2,
    "moe_intermediate_size": 64, "use_double_wide_mlp": True, "tie_word_embeddings": True,
}  # fmt: skip
_GEMMA4_EXPERTS = fused("experts.switch_glu", "experts.gate_up_proj", "experts.down_proj")
_GEMMA4_OUTER = tiny(
    wrapped(llama("rope_theta", model_type="gemma4_text", **_GEMMA4), vocab_size=VOCABULARY),
    _GEMMA4_EXPERTS,
    _OUTER_MODEL,
    _MODEL_TOWER,
    lambda specs: _shared_keys(specs, "model.language_model.layers"),
)
_MISTRAL3 = tiny(
    wrapped(llama("rope_theta", model_type="ministral3", head_dim=16, rope_parameters=YARN), tie_word_embeddings=False),
    _TOWER,
)
_QWEN_TOWER = {"depth": 1, "embed_dim": 64, "hidden_size": HIDDEN, "out_hidden_size": HIDDEN, "num_heads": 4}
_QWEN_VL = tiny(llama(vision_config=_QWEN_TOWER), _UNNESTED, _VISUAL)
_QWEN35 = llama(
    full_attention_interval=2, head_dim=16,
    rope_parameters={
        "rope_type": "default", "mrope_section": [1, 1, 0], "rope_theta": 10000.0, "partial_rotary_factor": 0.25,
    },
    **LINEAR,
)  # fmt: skip
_QWEN35_RULES = (_OUTER_MODEL, transposed("conv1d.weight"), _MODEL_VISUAL, also(mtp__norm__weight=(HIDDEN,)))


def _shared_keys(specs: Specs, layers: str) -> Specs:
    """Add the keys and values of the last layer, which shares them with an earlier one."""
    return specs | {
        f"{layers}.2.self_attn.{name}.weight": specs[f"{layers}.1.self_attn.{name}.weight"]
        for name in ("k_proj", "v_proj", "k_norm")
    }


def _residual_gates(specs: Specs) -> Specs:
    """One gate where the class computes two factors."""
    result: Specs = {}
    for name, spec in specs.items():
        place, _, leaf = name.rpartition(".")
        if leaf == "add_attn_alpha":
            result[f"{place}.post_attention_residual_gate.gate"] = Spec(spec.shape)
        elif leaf == "add_ffn_alpha":
            result[f"{place}.post_feedforward_residual_gate.gate"] = Spec(spec.shape)
        elif not leaf.endswith("_beta"):
            result[name] = spec
    return result


NESTED: dict[str, Tiny] = {
    "gemma3": tiny(
        wrapped(
            llama(model_type="gemma3_text", head_dim=16, tie_word_embeddings=True, **_SLIDING),
            vocab_size=VOCABULARY,
        ),
        without("lm_head"),
        _TOWER,
    ),
    "gemma3n": tiny(
        wrapped(
            llama(
                model_type="gemma3n_text", head_dim=16, num_hidden_layers=5, num_kv_shared_layers=1,
                vocab_size_per_layer_input=VOCABULARY, sliding_window=16, rope_local_base_freq=10000.0,
                final_logit_softcapping=30.0, activation_sparsity_pattern=[0.95, 0.0, 0.0, 0.0, 0.0],
                layer_types=["sliding_attention"] * 3 + ["full_attention", "sliding_attention"],
                hidden_size_per_layer_input=32, altup_num_inputs=4, altup_coef_clip=120.0, altup_correct_scale=True,
                altup_active_idx=0, laurel_rank=32, tie_word_embeddings=True,
            )
        ),
        _MODEL_TOWER,
    ),
    "gemma4": _GEMMA4_OUTER,
    "gemma4_text": tiny(
        llama("rope_theta", **_GEMMA4), _GEMMA4_EXPERTS, lambda specs: _shared_keys(specs, "model.layers"), cast=""
    ),
    "gemma4_unified": tiny(
        wrapped(
            llama("rope_theta", model_type="gemma4_unified_text", **_GEMMA4)
            | {"enable_moe_block": False, "hidden_size_per_layer_input": 0, "num_kv_shared_layers": 0},
            vocab_size=VOCABULARY,
        ),
        _OUTER_MODEL,
        also(model__vision_embedder__patch_dense__weight=(8, 8), model__embed_vision__weight=(8, 8)),
    ),
    "kimi_k25": tiny(
        wrapped(llama(model_type="kimi_k2", **DEEPSEEK, **LATENT)), unstacked(), absorbed(), _TOWER
    ),
    "kimi_vl": tiny(
        wrapped(llama(model_type="deepseek_v3", **DEEPSEEK, **LATENT)),
        unstacked(),
        _TOWER,
        mlx="mlx-lm does not split kv_b_proj for this class, so the published checkpoint does not load",
    ),
    "lfm2-vl": tiny(
        wrapped(LFM2 | {"model_type": "lfm2"}),
        _TOWER,
        mlx="mlx-lm does not turn the convolutions for this class, so the published checkpoint does not load",
    ),
    "llama4": tiny(
        wrapped(
            llama(
                model_type="llama4_text", num_hidden_layers=4, head_dim=16, attention_bias=False,
                attention_chunk_size=32, interleave_moe_layer_step=2, intermediate_size_mlp=INNER,
                num_experts_per_tok=1, num_local_experts=4, rope_scaling=None, use_qk_norm=True,
            )
        ),
        fused("experts", "experts.gate_up_proj", "experts.down_proj", columns=True),
        also(vision_model__patch__weight=(8, 8), multi_modal_projector__weight=(8, 8)),
    ),
    "llava": _MISTRAL3,
    "minimax_m3_vl": tiny(
        wrapped(
            llama(
                num_local_experts=4, num_experts_per_tok=2, head_dim=16, dense_intermediate_size=INNER,
                shared_intermediate_size=64, moe_layer_freq=[0, 1],
                sparse_attention_config={
                    "sparse_num_index_heads": 2, "sparse_index_dim": 16, "sparse_block_size": 16,
                    "sparse_topk_blocks": 2, "sparse_local_block": 1, "sparse_attention_freq": [0, 1],
                },
            )
        ),
        unstacked("block_sparse_moe.switch_mlp", "block_sparse_moe.experts", **LLAMA_EXPERTS),
        _TOWER,
    ),
    "mistral3": _MISTRAL3,
    "muse_spark": tiny(
        {
            "text_config": {
                "hidden_size": HIDDEN, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
                "num_hidden_layers": 3, "vocab_size": VOCABULARY, "rms_norm_eps": 1e-5, "post_norm_eps": 1e-8,
                "rope_parameters": {"rope_theta": 10000.0}, "layer_rope_theta": [10000.0, 10000.0, 0],
                "layer_types": ["sliding_attention", "sliding_attention", "full_attention"], "sliding_window": 16,
                "final_logit_softcapping": 20.0, "output_multiplier": 0.2, "num_local_experts": 4,
                "num_experts_per_tok": 2, "moe_hidden_size": 64, "moe_intermediate_size": 64, "dtype": "bfloat16",
            },
            "audio_config": {"out_hidden_size": HIDDEN},
        },
        parted("qkvg_proj", q_proj=64, k_proj=32, v_proj=32, gate_proj=64),
        fused("experts", "experts.gate_up_proj", "experts.down_proj"),
        _residual_gates,
        also(model__vision_tower__patch__weight=(8, 8), model__audio_tower__weight=(8, 8)),
    ),
    "pixtral": tiny(wrapped(llama(model_type="mistral", head_dim=16)), _TOWER),
    "prism_hadamard_qwen35": tiny(
        wrapped(
            _QWEN35 | {"hidden_size": 128, "intermediate_size": 512, "model_type": "qwen3_5_text"},
            schema_version=2, tensor_namespace="mlx-vlm-qwen3_5",
            quantization={"bits": 2, "group_size": 128, "mode": "affine"},
            modules=[
                {"path": path, "block": block, "embedding": path.endswith("embed_tokens"), "dtype": "float16"}
                for path, block in (
                    ("model.embed_tokens", 0),
                    ("model.layers.0.mlp.gate_proj", 0),
                    ("model.layers.1.mlp.down_proj", 512),
                )
            ],
        ),
        mlx="its packs are made with MLX's names",
    ),
    "qwen2_5_vl": _QWEN_VL,
    "qwen2_vl": _QWEN_VL,
    "qwen3_5": tiny(wrapped(_QWEN35 | {"model_type": "qwen3_5_text"}), *_QWEN35_RULES),
    "qwen3_5_moe": tiny(
        wrapped(_QWEN35 | EXPERTS | {"model_type": "qwen3_5_moe_text", "shared_expert_intermediate_size": 64}),
        fused("mlp.switch_mlp", "mlp.experts.gate_up_proj", "mlp.experts.down_proj"),
        *_QWEN35_RULES,
    ),
    "qwen3_vl": tiny(wrapped(llama(head_dim=16, model_type="qwen3_vl_text")), _OUTER_MODEL, _MODEL_VISUAL),
    "qwen3_vl_moe": tiny(
        wrapped(
            llama(head_dim=16, model_type="qwen3_vl_moe_text", decoder_sparse_step=1, mlp_only_layers=[], **EXPERTS)
        ),
        fused("mlp.switch_mlp", "mlp.experts.gate_up_proj", "mlp.experts.down_proj", columns=True),
        _OUTER_MODEL,
        _MODEL_VISUAL,
    ),
}  # fmt: skip
