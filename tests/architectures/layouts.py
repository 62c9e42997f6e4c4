"""Rules that turn the tensors of an MLX model into those of the same model's Hugging Face repo.

Each rule undoes one thing that a model class does when it sanitizes. Only names, shapes and dtypes are
turned: the numbers are random anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple


class Spec(NamedTuple):
    """Shape and dtype (as safetensors names it) of a tensor."""

    shape: tuple[int, ...]
    dtype: str = "BF16"


Specs = dict[str, Spec]
Rule = Callable[[Specs], Specs]
LLAMA_EXPERTS = {"gate_proj": "w1", "down_proj": "w2", "up_proj": "w3"}


def renamed(*pairs: tuple[str, str]) -> Rule:
    """Replace patterns in every name, one after the other."""

    def rule(specs: Specs) -> Specs:
        return {_replace(name, pairs): spec for name, spec in specs.items()}

    return rule


def without(*patterns: str) -> Rule:
    """Leave out what matches: the class makes it up, or shares it with another tensor."""

    def rule(specs: Specs) -> Specs:
        return {name: spec for name, spec in specs.items() if not any(re.search(one, name) for one in patterns)}

    return rule


def also(**tensors: tuple[int, ...]) -> Rule:
    """Add tensors that the class drops (``__`` stands for a dot)."""

    def rule(specs: Specs) -> Specs:
        return specs | {name.replace("__", "."): Spec(shape) for name, shape in tensors.items()}

    return rule


def beside(neighbour: str, leaf: str, shape: tuple[int, ...], dtype: str = "F32") -> Rule:
    """Add a tensor that the class drops, ``leaf``, wherever there is a ``neighbour`` (its name's end)."""

    def rule(specs: Specs) -> Specs:
        places = [name.removesuffix(neighbour) for name in specs if name.endswith(neighbour)]
        return specs | {f"{place}{leaf}": Spec(shape, dtype) for place in places}

    return rule


def rotary(attention: str = "self_attn", query: str = "q_proj.weight") -> Rule:
    """Add the rotary frequencies that old checkpoints hold."""
    return beside(f"{attention}.{query}", f"{attention}.rotary_emb.inv_freq", (8,))


def extra_layer(last: int, prefix: str = "model.layers") -> Rule:
    """Add a layer for predicting several tokens behind the ``last`` one; classes drop it."""

    def rule(specs: Specs) -> Specs:
        old, new = f"{prefix}.{last}.", f"{prefix}.{last + 1}."
        added = {name.replace(old, new): spec for name, spec in specs.items() if name.startswith(old)}
        width = next(spec.shape[0] for name, spec in added.items() if name.endswith("layernorm.weight"))
        added[f"{new}eh_proj.weight"] = Spec((width, 2 * width))
        return specs | added | {f"{new}{norm}.weight": Spec((width,)) for norm in ("enorm", "hnorm")}

    return rule


def transposed(*leaves: str) -> Rule:
    """Swap the last two axes of tensors whose name ends so: convolutions, and GPT-2's linear layers."""

    def rule(specs: Specs) -> Specs:
        return {name: _swap(spec) if name.endswith(leaves) else spec for name, spec in specs.items()}

    return rule


def reshaped(shape: tuple[int, ...], *leaves: str) -> Rule:
    """Give tensors whose name ends so another shape."""

    def rule(specs: Specs) -> Specs:
        return {name: Spec(shape, spec.dtype) if name.endswith(leaves) else spec for name, spec in specs.items()}

    return rule


def unstacked(stack: str = "mlp.switch_mlp", experts: str = "mlp.experts", **names: str) -> Rule:
    """Make one tensor for each expert from a stack of them; ``names`` are the projections' own there."""
    pattern = re.compile(rf"(.*\.){re.escape(stack)}\.(\w+)\.(weight|bias)")

    def rule(specs: Specs) -> Specs:
        result: Specs = {}
        for name, spec in specs.items():
            found = pattern.fullmatch(name)
            if not found:
                result[name] = spec
                continue
            place, projection, leaf = found.groups()
            for expert in range(spec.shape[0]):
                path = f"{place}{experts}.{expert}.{names.get(projection, projection)}.{leaf}"
                result[path] = Spec(spec.shape[1:], spec.dtype)
        return result

    return rule


def fused(stack: str, gate_up: str, down: str, *, columns: bool = False) -> Rule:
    """Join the gate and up projections of a stack of experts; ``columns``: inputs first, outputs last."""

    def rule(specs: Specs) -> Specs:
        result: Specs = {}
        for name, spec in specs.items():
            if name.endswith(f"{stack}.gate_proj.weight"):
                experts, rows, width = spec.shape
                joined = Spec((experts, 2 * rows, width), spec.dtype)
                result[name.replace(f"{stack}.gate_proj.weight", gate_up)] = _swap(joined) if columns else joined
            elif name.endswith(f"{stack}.down_proj.weight"):
                result[name.replace(f"{stack}.down_proj.weight", down)] = _swap(spec) if columns else spec
            elif not name.endswith(f"{stack}.up_proj.weight"):
                result[name] = spec
        return result

    return rule


def glued(experts: str, transpose: tuple[str, ...]) -> Rule:
    """Make one flat tensor of all experts' rows, as DBRX has it; those named in ``transpose`` transposed."""
    pattern = re.compile(rf"(.*\.{re.escape(experts)})\.(\d+)\.(\w+)\.weight")

    def rule(specs: Specs) -> Specs:
        result: Specs = {}
        for name, spec in specs.items():
            found = pattern.fullmatch(name)
            if not found:
                result[name] = spec
                continue
            rows, width = _swap(spec).shape if found[3] in transpose else spec.shape
            result[f"{found[1]}.mlp.{found[3]}"] = Spec((rows * (int(found[2]) + 1), width), spec.dtype)
        return result

    return rule


def parted(whole: str, **rows: int) -> Rule:
    """Split the tensors named so along their first axis, into parts with these names and rows."""

    def rule(specs: Specs) -> Specs:
        result: Specs = {}
        for name, spec in specs.items():
            if f".{whole}." not in name:
                result[name] = spec
                continue
            for part, count in rows.items():
                result[name.replace(f".{whole}.", f".{part}.")] = Spec((count, *spec.shape[1:]), spec.dtype)
        return result

    return rule


def absorbed() -> Rule:
    """Put latent attention's per-head matrices back into the one projection that they were made from."""

    def rule(specs: Specs) -> Specs:
        result: Specs = {}
        for name, spec in specs.items():
            if name.endswith("embed_q.weight"):
                heads, latent, keys = spec.shape
                values = specs[name.replace("embed_q", "unembed_out")].shape[1]
                result[name.replace("embed_q", "kv_b_proj")] = Spec((heads * (keys + values), latent), spec.dtype)
            elif not name.endswith("unembed_out.weight"):
                result[name] = spec
        return result

    return rule


def _replace(name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in pairs:
        name = re.sub(pattern, replacement, name)
    return name


def _swap(spec: Spec) -> Spec:
    return Spec((*spec.shape[:-2], spec.shape[-1], spec.shape[-2]), spec.dtype)
