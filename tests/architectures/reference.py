"""Tiny checkpoints that transformers itself makes, saves and runs: what a conversion is right by.

Needs torch, which only this comparison does (`make transformers-sweep`).
"""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any

from samples.tiny import write_tiny_tokenizer

# By name, in whatever configuration has them: small, and different from every default.
SIZES: dict[str, Any] = {
    "vocab_size": 320, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 6, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 512, "bos_token_id": 1, "eos_token_id": 2,
    "pad_token_id": 0, "sliding_window": 8,
    # experts
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "moe_num_experts": 4, "num_experts_per_tok": 2,
    "moe_k": 2, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32, "n_group": 1, "topk_group": 1,
    "first_k_dense_replace": 1, "num_dense_layers": 1, "shared_intermediate_size": 32,
    "moe_shared_expert_intermediate_size": 32, "moe_latent_size": None,
    # attention over low ranks
    "q_lora_rank": 32, "kv_lora_rank": 32, "qk_rope_head_dim": 16, "qk_nope_head_dim": 16, "v_head_dim": 16,
    "index_head_dim": 32, "index_n_heads": 2, "index_topk": 64,
    # state spaces and convolutions
    "mamba_d_ssm": 64, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 16, "mamba_expand": 1,
    "mamba_n_groups": 1, "mamba_chunk_size": 8, "mamba_num_heads": 4, "mamba_head_dim": 16, "ssm_state_size": 16,
    "n_groups": 1, "chunk_size": 8, "state_size": 16, "time_step_rank": 8, "lru_width": 64,
    "linear_key_head_dim": 16, "linear_value_head_dim": 16, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "attention_window_size": 8,
}  # fmt: skip
EYES: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "depth": 1, "num_attention_heads": 2,
    "num_heads": 2, "image_size": 32, "patch_size": 8, "out_hidden_size": 64, "num_position_embeddings": 16,
    "deepstack_visual_indexes": [],
}  # fmt: skip
BASE, LOCAL_BASE = 77_000.0, 3_000.0  # nobody's default
TOKENS = 24  # past the sliding windows


def write_reference(folder: Path, model_type: str, changes: dict[str, Any], rope: dict[str, Any]) -> Any:
    """Write a random checkpoint as transformers saves it; the logits (tokens, vocabulary) that transformers computes.

    ``changes`` go into the configuration, ``rope`` into its ``rope_parameters``.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    config = tiny_configuration(model_type, changes, rope)
    kind = AutoModelForImageTextToText if hasattr(config, "text_config") else AutoModelForCausalLM
    torch.manual_seed(7)
    model = kind.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    _randomise(model)
    model.save_pretrained(folder)
    write_tiny_tokenizer(folder)
    with torch.no_grad():
        return model(torch.tensor([tokens()]), use_cache=False).logits[0].float().numpy()


def tokens() -> list[int]:
    """The text, as token ids."""
    return [(37 * place + 11) % 290 + 5 for place in range(TOKENS)]


def tiny_configuration(model_type: str, changes: dict[str, Any], rope: dict[str, Any]) -> Any:
    """transformers' own configuration object, with small sizes and bases of its own.

    Of a model that also sees, ``changes`` are those of its text; its eyes are as small as `EYES` says.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = CONFIG_MAPPING[model_type]
    if "text_config" not in getattr(kind, "sub_configs", {}):
        return _tiny(kind, changes, rope)
    whole = kind()
    eyes = type(whole.vision_config)
    small = {name: value for name, value in EYES.items() if name in whole.vision_config.to_dict()}
    ids = {name: 300 + number for number, name in enumerate(_ids_of(kind))}
    return kind(text_config=_tiny(type(whole.text_config), changes, rope), vision_config=eyes(**small), **ids)


def _ids_of(kind: Any) -> list[str]:
    """The settings that name tokens which stand for pictures."""
    return [name for name in inspect.signature(kind).parameters if name.endswith(("_token_id", "_token_index"))]


def _tiny(kind: Any, changes: dict[str, Any], rope: dict[str, Any]) -> Any:
    known = kind().to_dict()
    given = {name: value for name, value in SIZES.items() if name in known}
    if "kv_lora_rank" in known:  # low ranks stand for a smaller cache: every head has keys of its own
        given["num_key_value_heads"] = given["num_attention_heads"]
    given |= changes
    parameters = copy.deepcopy(getattr(kind(**given), "rope_parameters", None))
    if parameters:
        given["rope_parameters"] = _with_bases(parameters, rope)
    return kind(**given)


def _with_bases(parameters: dict[str, Any], rope: dict[str, Any]) -> dict[str, Any]:
    nested = {name: value for name, value in parameters.items() if isinstance(value, dict)}
    if not nested:
        return parameters | {"rope_theta": BASE} | rope
    bases = {name: LOCAL_BASE if "sliding" in name else BASE for name in nested}
    return {name: value | {"rope_theta": bases[name]} | rope for name, value in nested.items()}


def _randomise(model: Any) -> None:
    """Weights large enough that positions and every scale show in the logits."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if parameter.dim() >= 2:
                parameter.copy_(noise * (1.4 / parameter.shape[-1] ** 0.5))
            elif name.endswith(("A_log", "dt_bias", "D", "a_param")):
                parameter.add_(noise * 0.05)
            else:
                parameter.add_(noise * 0.1)
