"""What kind of model a source is, and what of that stands in the way of a conversion."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlx_convert_core.base import units
from mlx_convert_core.base.mac import mac_trouble
from mlx_convert_core.errors import (
    InsufficientDisk,
    MlxConvertError,
    OutputExists,
    PreflightFailed,
    UnsupportedModel,
)
from mlx_convert_core.model.findings import Finding
from mlx_convert_core.model.inspection import CONFIG, TOKENIZER_FILES, WEIGHTS, ModelInfo, read_config
from mlx_convert_core.model.packing import leftover_method, quantization_config
from mlx_convert_core.model.plan import ConvertPlan, OutputPlan
from mlx_convert_core.remedies import ChooseOutput, Remedies, SetOption, UseInstead
from mlx_convert_core.writing.replaceable import another_output
from mlx_convert_core.writing.staging import dead_bytes, output_exists

LAYERS_FOR_EACH, LAYERS_MORE = 10, 100  # claimed layers that are taken: ten for each that is there, and some
DISK_MARGIN = 1.05  # of what is written, for everything beside the weights
_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_KINDS: dict[str, type[MlxConvertError]] = {
    "exists": OutputExists,
    "disk": InsufficientDisk,
    "arch": UnsupportedModel,
    "vision": UnsupportedModel,
}


def examine_machine() -> Iterator[Finding]:
    """Why nothing can be converted here, whatever the model: see `mac_trouble`."""
    trouble = mac_trouble()
    if trouble is not None:
        yield _error(trouble.code, trouble.message, trouble.hint)


def examine_model(model: ModelInfo, *, trust_remote_code: bool) -> Iterator[Finding]:
    """Findings about the source itself, from its file names, config and headers."""
    kind = _other_kind(model)
    if kind is not None:
        yield kind
        return
    if not model.model_type:
        yield _error(
            "no_model_type",
            f"{CONFIG} of {model.name} has no model_type, so nobody can tell its architecture.",
            "Compare it with config.json on the model's page, or add the model_type there.",
        )
        return
    if not model.tensors:
        yield _error(
            "no_weights",
            f"{model.name} has no weight file named model*.safetensors.",
            "Fetch the weights too, or give the repo id.",
        )
        return
    yield from model.findings
    yield from _layers_that_are_not_there(model)
    yield from _quantized_already(model)
    yield from _custom_code(model, trust_remote_code)
    if not model.matching(*TOKENIZER_FILES):
        yield Finding(
            code="tok_missing",
            level="warning",
            message=f"{model.name} has no tokenizer file, so the result can't answer prompts.",
            hint="Copy tokenizer.json and tokenizer_config.json from the original model into the folder first.",
        )


def examine_output(plan: ConvertPlan) -> Iterator[Finding]:
    """Findings about the places to write to: taken, not writable, too small a disk, too little memory."""
    for output in plan.outputs:
        yield from _examine_folder(plan, output)
    yield from _examine_space(plan)
    if plan.peak_memory > plan.free_memory:
        yield Finding(
            code="memory",
            level="warning",
            message=f"this needs about {units.size(plan.peak_memory)} of memory, and {units.size(plan.free_memory)}"
            " are free.",
            hint="Close other apps first; otherwise the Mac will swap and be slow.",
        )


def refuse(plan: ConvertPlan) -> None:
    """Raise for the error findings of ``plan``: the first one's code, all of their messages."""
    errors = plan.errors
    if not errors:
        return
    kind = _KINDS.get(errors[0].code, PreflightFailed)
    message = " ".join(finding.message for finding in errors)
    hint = errors[0].hint or "Nothing was read or fetched."
    raise kind(message, hint=hint, remedies=errors[0].remedies, code=errors[0].code)


def _other_kind(model: ModelInfo) -> Finding | None:
    """A finding when the source is no safetensors checkpoint at all."""
    weights = model.matching(WEIGHTS)
    adapter = model.matching("adapter_config.json", "adapter_model*")
    if adapter and not weights:
        return _error(
            "lora_only",
            f"{model.name} is an adapter (LoRA), an add-on to a model and no model by itself.",
            *_instead(model, "Convert the base model that its page names."),
        )
    if model.matching("model_index.json"):
        return _error("diffusion", f"{model.name} is an image model (diffusers).", "mlx-convert converts text models.")
    if weights:
        return None
    if model.matching("*.gguf"):
        return _error(
            "gguf_only",
            f"{model.name} holds GGUF files only, which are quantized already.",
            *_instead(model, "Convert the original model that its page names, or give the .gguf file itself."),
        )
    if model.matching("params.json", "consolidated*"):
        return _error(
            "original_format",
            f"{model.name} is in its maker's own format, not in the Hugging Face layout.",
            "Look for the same model with config.json and model*.safetensors, often named -hf.",
        )
    if model.matching("*.bin", "*.pt", "*.pth"):
        return _error(
            "bin_only",
            f"{model.name} has its weights as pickle files (.bin), which can run code when opened.",
            "Look for a safetensors version of the model: a branch or pull request of its repo often has one.",
        )
    if not model.config:
        return _error(
            "no_config",
            f"{model.path or model.ref} has no {CONFIG}, so it is no Hugging Face checkpoint.",
            "Give the folder that holds config.json and model*.safetensors.",
        )
    return None


def _instead(model: ModelInfo, otherwise: str) -> tuple[str, Remedies]:
    """The next step: to convert the model that this one was made from, where a repo id says which that is."""
    base = _base_model(model)
    if _REPO_ID.fullmatch(base):
        return "Convert its base model instead.", (UseInstead(base),)
    return otherwise, ()


def _base_model(model: ModelInfo) -> str:
    base = model.card.get("base_model")
    if model.path is not None and (model.path / "adapter_config.json").exists():
        base = read_config(model.path / "adapter_config.json").get("base_model_name_or_path")
    if isinstance(base, list) and base:
        base = base[0]
    return base if isinstance(base, str) else ""


def _layers_that_are_not_there(model: ModelInfo) -> Iterator[Finding]:
    """A model class builds every layer that config.json claims, before it looks for weights: at 100 kB a layer.

    Layers are numbered in tensors' names. A class may count layers that share weights or have none, so only a claim
    far beyond what is there is refused.
    """
    numbers = (
        int(part) for tensor in model.tensors for part in tensor.name.split(".") if part.isdecimal() and len(part) < 10
    )
    held = min(1 + max(numbers, default=0), len(model.tensors))  # a number alone is only a claim again
    for name, claimed in _counts(model.config):
        if claimed > LAYERS_FOR_EACH * held + LAYERS_MORE:
            yield _error(
                "layers",
                f"{CONFIG} of {model.name} claims {claimed:,} layers ({name}), and its tensors have {held:,}.",
                f"Compare {CONFIG} with the one on the model's page, or download the model again.",
            )
            return


def _counts(config: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, int]]:
    """The numbers of layers in a config and the configs inside it, by their keys."""
    for name, value in config.items():
        if isinstance(value, Mapping) and depth < 2:
            yield from _counts(value, depth + 1)
        elif type(value) is int and ("layers" in name or name in ("n_layer", "depth")):
            yield name, value


def _quantized_already(model: ModelInfo) -> Iterator[Finding]:
    leftover = leftover_method(model.config, model.tensors)
    if leftover:
        yield Finding(
            code="leftover_quantization",
            level="info",
            message=f"{CONFIG} of {model.name} says that it was quantized by {leftover}, but every tensor holds plain"
            " numbers: it is converted like any other model, and the entry is left out of the result.",
        )
        return
    if isinstance(model.config.get("quantization"), dict):
        yield _error(
            "already_mlx",
            f"{model.name} is an MLX model that is quantized already.",
            *_instead(model, "Convert the original model: a second quantization would only lose quality."),
        )
        return
    if any(tensor.name.endswith((".absmax", ".quant_map")) for tensor in model.tensors):
        yield _error(
            "bnb",
            f"{model.name} was quantized by bitsandbytes.",
            *_instead(model, "Convert the original model."),
        )
        return
    config = quantization_config(model.config)
    if config is not None and not config.get("quant_method"):
        yield _error(
            "quant_unknown",
            f"{model.name} says that it is quantized, but not how (no quant_method).",
            "Convert the original model.",
        )


def _custom_code(model: ModelInfo, trusted: bool) -> Iterator[Finding]:
    wanted = model.config.get("model_file") or (model.config.get("auto_map") and model.matching("*.py"))
    if not wanted:
        return
    if model.config.get("model_file") and not trusted:
        yield _error(
            "custom_code",
            f"{model.name} wants to run its own Python code ({model.config['model_file']}).",
            "Read that file first. Allow it only if you trust its author.",
            (SetOption("trust_remote_code", True),),
        )
    elif not trusted:
        yield Finding(
            code="custom_code",
            level="info",
            message=f"{model.name} comes with Python code of its own; it is not run.",
            hint="Allow it only if the conversion asks for it and you trust the author.",
        )


def _examine_folder(plan: ConvertPlan, output: OutputPlan) -> Iterator[Finding]:
    there = output.replaces
    if there is not None and there.stays:
        yield _error(
            "not_replaceable",
            f"{output.path} already exists and is not replaced: {there.stays}.",
            there.instead(),
            (another_output(output.path),),
        )
    elif there is not None and not plan.request.force:
        taken = output_exists(output.path)
        yield _error("exists", f"{output.path} already exists ({there.words}).", taken.hint, taken.remedies)
    parent = existing_parent(output.path)
    effective = os.access in os.supports_effective_ids
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK, effective_ids=effective):
        yield _error(
            "not_writable",
            f"can't write in {parent}.",
            "Choose a folder that you may write in.",
            (ChooseOutput(),),
        )


def _examine_space(plan: ConvertPlan) -> Iterator[Finding]:
    """What each disk has to hold: outputs, and what is fetched, perhaps to another disk."""
    needs: dict[int, tuple[Path, float]] = {}
    fetched = (plan.model.fetch_folder or plan.outputs[0].path, plan.fetch_disk)
    for path, size in (fetched, *((output.path, output.weight_bytes) for output in plan.outputs)):
        device = _device(path)
        place, need = needs.get(device, (path, 0.0))
        needs[device] = place, need + size * DISK_MARGIN
    for device, (place, need) in needs.items():
        outputs = [output.path for output in plan.outputs if _device(output.path) == device]
        free = free_disk(place) + sum(map(dead_bytes, outputs))  # what the dead left goes first, or is used again
        if need > free:
            yield _error(
                "disk",
                f"this takes {units.size(need)} on the disk of {existing_parent(place)}; {units.size(free)} are free.",
                "Free some space, choose fewer bits, or choose a folder on another disk.",
                (ChooseOutput(),),
            )


def _device(path: Path) -> int:
    """The disk that will hold ``path``."""
    return existing_parent(path).stat().st_dev


def free_disk(path: Path) -> int:
    """Bytes free on the disk that will hold ``path``."""
    return shutil.disk_usage(existing_parent(path)).free


def existing_parent(path: Path) -> Path:
    """The nearest folder above ``path`` that exists."""
    return next((parent for parent in path.absolute().parents if parent.exists()), Path(path.anchor or "/"))


def _error(code: str, message: str, hint: str, remedies: Remedies = ()) -> Finding:
    return Finding(code=code, level="error", message=message, hint=hint, remedies=remedies)
