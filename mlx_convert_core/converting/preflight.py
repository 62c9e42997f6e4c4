"""What kind of model a source is, and what of that stands in the way of a conversion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlx_convert_core.base.file_names import ADAPTER, CONFIG, GGUF, PICKLES, TOKENIZER_FILES
from mlx_convert_core.base.mac import mac_trouble
from mlx_convert_core.converting.sources import Sources
from mlx_convert_core.errors import (
    InsufficientDisk,
    MlxConvertError,
    OutputExists,
    PreflightFailed,
    UnsupportedModel,
)
from mlx_convert_core.model.base_model import base_model
from mlx_convert_core.model.findings import Finding, refusal
from mlx_convert_core.model.inspection import ModelInfo
from mlx_convert_core.model.packing import leftover_method, quantization_config
from mlx_convert_core.model.plan import ConvertPlan
from mlx_convert_core.model.weight_files import of_its_maker
from mlx_convert_core.remedies import Remedies, SetOption, UseInstead

LAYERS_FOR_EACH, LAYERS_MORE = 10, 100  # claimed layers that are taken: ten for each that is there, and some
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
        yield refusal(trouble.code, trouble.message, trouble.hint)


def examine_model(model: ModelInfo, sources: Sources, *, trust_remote_code: bool) -> Iterator[Finding]:
    """Findings about the source itself, from its file names, config and headers.

    ``sources`` tell whether the model that it was made from can be converted instead.
    """
    kind = _other_kind(model, sources)
    if kind is not None:
        yield kind
        return
    if not model.tensors and model.findings:  # why there are none
        yield from model.findings
        return
    if not model.model_type:
        yield refusal(
            "no_model_type",
            f"{CONFIG} of {model.name} has no model_type, so nobody can tell its architecture.",
            "Compare it with config.json on the model's page, or add the model_type there.",
        )
        return
    if not model.tensors:
        yield refusal(
            "no_weights",
            f"{model.name} has no weight files (model*.safetensors).",
            "Fetch the weights too, or give the repo id.",
        )
        return
    yield from model.findings
    yield from _of_torch(model)
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


def refuse(plan: ConvertPlan) -> None:
    """Raise for the error findings of ``plan``: the first one's code, all of their messages."""
    errors = plan.errors
    if not errors:
        return
    kind = _KINDS.get(errors[0].code, PreflightFailed)
    message = " ".join(finding.message for finding in errors)
    hint = errors[0].hint or "Nothing was read or fetched."
    raise kind(message, hint=hint, remedies=errors[0].remedies, code=errors[0].code)


def _other_kind(model: ModelInfo, sources: Sources) -> Finding | None:
    """A finding when the source is no safetensors checkpoint at all."""
    weights = model.tensors and not of_its_maker(model.tensors)
    adapter = model.matching(ADAPTER, "adapter_model*")
    if adapter and not model.tensors and not model.findings:
        return refusal(
            "lora_only",
            f"{model.name} is an adapter (LoRA), an add-on to a model and no model by itself.",
            *_instead(model, sources, "Convert the base model that its page names, with it.", adapter=model.ref),
        )
    if model.matching("model_index.json") or "_diffusers_version" in model.config:
        return refusal("diffusion", f"{model.name} is an image model (diffusers).", "mlx-convert converts text models.")
    if weights or (model.findings and not model.tensors):
        return None
    if model.matching(f"*{GGUF}"):
        return refusal(
            "gguf_only",
            f"{model.name} holds GGUF files only, which are quantized already.",
            *_instead(model, sources, "Convert the original model that its page names, or give the .gguf file itself."),
        )
    if model.matching("params.json", "consolidated*") or of_its_maker(model.tensors):
        return refusal(
            "original_format",
            f"{model.name} is in its maker's own format, not in the Hugging Face layout.",
            "Look for the same model with config.json and model*.safetensors, often named -hf.",
        )
    pickles = model.matching(*(f"*{suffix}" for suffix in PICKLES))
    if pickles:
        return refusal(
            "bin_only",
            f"{model.name} has no weight files but {pickles[0].name}, which is not named as weights are.",
            "If it holds the model's weights, name it pytorch_model.bin beside config.json.",
        )
    if not model.config:
        return refusal(
            "no_config",
            f"{model.path or model.ref} has no {CONFIG}, so it is no Hugging Face checkpoint.",
            "Give the folder that holds config.json and model*.safetensors.",
        )
    return None


def _instead(model: ModelInfo, sources: Sources, otherwise: str, *, adapter: str = "") -> tuple[str, Remedies]:
    """The next step: to convert the model that this one was made from, where it says which, and a source takes that.

    ``adapter`` is fused into it.
    """
    base = base_model(model)
    if sources.offers(base):
        told = (
            "Convert its base model with the adapter fused into it." if adapter else "Convert its base model instead."
        )
        return told, (UseInstead(base, adapter=adapter),)
    return otherwise, ()


def _of_torch(model: ModelInfo) -> Iterator[Finding]:
    files = [shard for shard in model.shards if shard.endswith(PICKLES)]
    if files:
        yield Finding(
            code="from_torch",
            level="info",
            message=f"{model.name} has its weights in files of torch ({files[0]}"
            f"{f' and {len(files) - 1} more' if len(files) > 1 else ''}): they are read in place, and nothing in them"
            " is run.",
        )


def _layers_that_are_not_there(model: ModelInfo) -> Iterator[Finding]:
    """A class makes lists as long as config.json claims before its first module; modules have a limit of their own.

    Layers are numbered in tensors' names. A class may count layers that share weights or have none, so only a claim
    far beyond what is there is refused.
    """
    parts = set(".".join(tensor.name for tensor in model.tensors).split("."))
    numbers = (int(part) for part in parts if part.isdecimal() and len(part) < 10)
    held = min(1 + max(numbers, default=0), len(model.tensors))  # a number alone is only a claim again
    for name, claimed in _counts(model.config):
        if claimed > LAYERS_FOR_EACH * held + LAYERS_MORE:
            yield refusal(
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
    if isinstance(model.config.get("quantization"), dict):  # by MLX: whatever config.json says besides is a copy of it
        return
    config = quantization_config(model.config)
    if config is not None and not config.get("quant_method"):
        yield refusal(
            "quant_unknown",
            f"{model.name} says that it is quantized, but not how (no quant_method).",
            "Convert the original model.",
        )


def _custom_code(model: ModelInfo, trusted: bool) -> Iterator[Finding]:
    wanted = model.config.get("model_file") or (model.config.get("auto_map") and model.matching("*.py"))
    if not wanted:
        return
    if model.config.get("model_file") and not trusted:
        yield refusal(
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
