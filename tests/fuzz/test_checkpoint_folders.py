"""Folders of checkpoints with spoiled, missing and odd files: each is planned and converted, or refused in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from fuzz.folders import spoiled_copy
from fuzz.loop import Case, Fuzz, amounts
from mlx_convert_core import ConvertRequest, Workspace
from mlx_convert_core.plugin import read_header

CONVERTED = 0.05  # of the inputs are converted, too
FIELDS: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "torch_dtype": "bfloat16",
    "rope_scaling": {"rope_type": "linear", "factor": 2.0, "low_freq_factor": 1.0},
    "eos_token_id": [1, 2],
    "auto_map": {"AutoModel": "modeling.Model"},
    "text_config": {"num_hidden_layers": 2, "hidden_size": 64},
    "vision_config": {"hidden_size": 32},
    "quantization_config": {"quant_method": "fp8", "bits": 8, "weight_block_size": [128, 128]},
    "num_local_experts": 2,
    "quantization": {"bits": 4, "group_size": 64, "model.layers.0.mlp": {"bits": 8}},
}
OTHERS = ("qwen3_moe", "gemma3", "mamba2", "deepseek_v3", "phi3", "olmo")  # model types with settings of their own
EXTRA = {"split": ["model.safetensors.index.json"] * 6, "adapter": ["adapter_config.json"] * 6}
README = """---
license: mit
language: [en, fr]
base_model: org/base
tags:
  - text-generation
---
# A model
"""


@amounts
def test_a_spoiled_checkpoint_is_converted_or_refused(fuzz: Fuzz, tiny_llama: Path, workspace: Workspace) -> None:
    models = {name: _checkpoint(tiny_llama, name) for name in ("plain", "rich", "split", "adapter", *OTHERS)}
    workspace.convert(ConvertRequest(ref=str(tiny_llama), output=tiny_llama.with_name("warm")), inline=True)  # imports

    def attempt(case: Case) -> object:
        name = case.random.choice((*["plain"] * 5, "rich", "rich", "split", "adapter", case.random.choice(OTHERS)))
        often = [*["config.json"] * 8, "generation_config.json", "tokenizer_config.json", *EXTRA.get(name, ())]
        folder = spoiled_copy(case.random, models[name], case.folder / "model", often=often)
        request = ConvertRequest(ref=str(folder), preset="4bit", output=case.folder / "output")
        if case.random.random() < CONVERTED:
            return workspace.convert(request, inline=True).result()
        return workspace.plan(request, exact=False)

    fuzz("checkpoint folders", 2_500, attempt)


def _checkpoint(tiny_llama: Path, name: str) -> Path:
    """The tiny llama with a README and a template; ``rich`` in settings, with an index, or with an adapter's file.

    Others say that they are of another type, whose settings they lack.
    """
    folder = shutil.copytree(tiny_llama, tiny_llama.with_name(f"{name}-llama"))
    (folder / "README.md").write_text(README)
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}")
    config = json.loads((folder / "config.json").read_bytes())
    more = FIELDS if name == "rich" else {"model_type": name} if name in OTHERS else {}
    (folder / "config.json").write_text(json.dumps(config | more))
    if name == "split":
        shards = {tensor.name: "model.safetensors" for tensor in read_header(folder / "model.safetensors")}
        (folder / EXTRA[name][0]).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": shards}))
    if name == "adapter":
        (folder / EXTRA[name][0]).write_text('{"base_model_name_or_path": "org/base", "peft_type": "LORA", "r": 8}')
        (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    return folder
