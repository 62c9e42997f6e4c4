"""Have peft make adapters of all kinds and merge them, and compare what we fuse with that.

python tests/lm/peft_merge.py     (needs torch and peft: `make peft-merge`)
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
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


TOGETHER = (("LoRA", "rsLoRA"), ("LoRA", "patterns"), ("LoRA", "DoRA"), ("whole layers", "DoRA"))


def main() -> int:
    """Print the largest difference of each kind; 1 when one is beyond the tolerance."""
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="mlx-convert-peft-") as name:
        for kind, difference in (*compared(Path(name) / "one"), *compared_together(Path(name) / "two")):
            print(f"{kind:28} {difference:.1e}")
            worst = max(worst, difference)
    return int(worst > TOLERANCE)


def compared(place: Path) -> Iterator[tuple[str, float]]:
    """For each kind the largest difference to what peft merges, of the largest value in its tensor."""
    source, base = _model(place)
    with Workspace() as workspace:
        for number, (kind, settings) in enumerate(ADAPTERS.items()):
            adapter, output = place / f"adapter-{number}", place / f"fused-{number}"
            merged = merged_by_peft(base, adapter, settings)
            assert any(not np.array_equal(base[name], values) for name, values in merged.items())
            yield kind, _difference(workspace, source, (adapter,), output, merged)


def compared_together(place: Path) -> Iterator[tuple[str, float]]:
    """The same for two adapters at once; peft merges the second into what the first has made of the model."""
    source, base = _model(place)
    with Workspace() as workspace:
        for number, kinds in enumerate(TOGETHER):
            adapters, output = [place / f"adapter-{number}-{kind}" for kind in kinds], place / f"fused-{number}"
            first, merged = base, base
            for seed, (kind, adapter) in enumerate(zip(kinds, adapters, strict=True)):
                first, merged = merged, merged_by_peft(merged, adapter, ADAPTERS[kind], seed)
            assert any(not np.array_equal(first[name], values) for name, values in merged.items())
            yield " + ".join(kinds), _difference(workspace, source, adapters, output, merged)


def _model(place: Path) -> tuple[Path, Arrays]:
    """A small model in float32, and its tensors."""
    source = write_llama(place / "tiny-llama", layers=2, torch_dtype="float32")
    base = read_tensors_of(source)
    write_tensors(source / "model.safetensors", base)
    return source, base


def _difference(workspace: Workspace, source: Path, adapters: Sequence[Path], output: Path, merged: Arrays) -> float:
    """How far what we fuse is from ``merged``, of the largest value in a tensor."""
    request = ConvertRequest(
        ref=str(source),
        adapter=tuple(map(str, adapters)),
        preset="bf16",
        dtype="float32",
        output=output,
        verify=False,
    )
    workspace.convert(request, inline=True).result()
    found = read_tensors_of(output)
    assert found.keys() == merged.keys()
    return max(float(np.abs(found[name] - one).max() / np.abs(one).max()) for name, one in merged.items())


def merged_by_peft(base: Arrays, adapter: Path, settings: dict[str, Any], seed: int = 0) -> Arrays:
    """A random adapter of this kind, saved as ``adapter``, and the model's tensors after peft has merged it."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
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
