"""Have peft make adapters of all kinds and merge them, and compare what we fuse with that.

python tests/lm/peft_merge.py     (needs torch and peft: `make peft-merge`)
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:1] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import numpy as np
from random_llama import VOCABULARY, write_llama
from samples.adapters import Arrays, read_tensors_of, write_tensors

from mlx_convert_core import ConvertRequest, Workspace

TOLERANCE = 2e-6  # of the largest value in a tensor: float32 in another order of operations
Q, DOWN = "q_proj", "down_proj"
ADAPTERS: dict[str, dict[str, Any]] = {
    "LoRA": {"target_modules": [Q, DOWN, "v_proj"]},
    "rsLoRA": {"target_modules": [Q], "use_rslora": True},
    "DoRA": {"target_modules": [Q, DOWN], "use_dora": True},
    "patterns": {
        "target_modules": [Q, DOWN],
        "rank_pattern": {DOWN: 4, "layers.1.self_attn.q_proj": 2},
        "alpha_pattern": {"layers.0.self_attn.q_proj": 64},
    },
    "embeddings": {"target_modules": ["embed_tokens", Q]},
    "DoRA of embeddings": {"target_modules": ["embed_tokens"], "use_dora": True},
    "whole layers": {"target_modules": [Q], "modules_to_save": ["embed_tokens", "norm"]},
    "trained words": {"target_modules": [Q], "trainable_token_indices": {"embed_tokens": [3, 7, VOCABULARY - 1]}},
}


def main() -> int:
    """Print the largest difference of each kind; 1 when one is beyond the tolerance."""
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="mlx-convert-peft-") as name:
        for kind, difference in compared(Path(name)):
            print(f"{kind:20} {difference:.1e}")
            worst = max(worst, difference)
    return int(worst > TOLERANCE)


def compared(place: Path) -> Iterator[tuple[str, float]]:
    """For each kind the largest difference to what peft merges, of the largest value in its tensor."""
    source = write_llama(place / "tiny-llama", layers=2, torch_dtype="float32")
    base = read_tensors_of(source)
    write_tensors(source / "model.safetensors", base)
    with Workspace() as workspace:
        for number, (kind, settings) in enumerate(ADAPTERS.items()):
            adapter, output = place / f"adapter-{number}", place / f"fused-{number}"
            merged = merged_by_peft(base, adapter, settings)
            request = ConvertRequest(
                ref=str(source), adapter=str(adapter), preset="bf16", dtype="float32", output=output, verify=False
            )
            workspace.convert(request, inline=True).result()
            found = read_tensors_of(output)
            assert found.keys() == merged.keys()
            assert any(not np.array_equal(base[name], values) for name, values in merged.items())
            yield kind, max(float(np.abs(found[name] - one).max() / np.abs(one).max()) for name, one in merged.items())


def merged_by_peft(base: Arrays, adapter: Path, settings: dict[str, Any]) -> Arrays:
    """A random adapter of this kind, saved as ``adapter``, and the model's tensors after peft has merged it."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = get_peft_model(_tree_of(base), LoraConfig(r=8, lora_alpha=16, **settings))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += torch.randn_like(parameter) * 0.05
    model.save_pretrained(adapter)
    return {name: value.numpy() for name, value in model.merge_and_unload().state_dict().items()}


def _tree_of(base: Arrays) -> Any:
    """Modules of torch with the names and the numbers of ``base``."""
    import torch
    from torch import nn

    root = nn.Module()
    for name, values in base.items():
        *path, leaf, _ = name.split(".")
        holder = root
        for part in path:
            if part not in holder._modules:
                holder.add_module(part, nn.Module())
            holder = holder._modules[part]
        if leaf == "embed_tokens":
            layer: Any = nn.Embedding(*values.shape)
        elif values.ndim == 2:
            layer = nn.Linear(values.shape[1], values.shape[0], bias=False)
        else:
            layer = nn.LayerNorm(values.shape[0], bias=False)
        layer.weight.data = torch.from_numpy(values.copy())
        holder.add_module(leaf, layer)
    return root


if __name__ == "__main__":
    sys.exit(main())
