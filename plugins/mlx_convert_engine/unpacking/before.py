"""What there is to say of a source that was quantized before."""

from __future__ import annotations

from collections.abc import Sequence

from mlx_convert_core.plugin import (
    DecodedTensor,
    Finding,
    ModelInfo,
    Remedies,
    RunCommand,
    UseInstead,
    base_model,
    dtypes,
)


def quantized_before(model: ModelInfo, found: Sequence[DecodedTensor], how: str, *, ready: bool = False) -> Finding:
    """The finding for weights that are read as plain numbers; ``how`` goes on after "quantized", such as "by GPTQ".

    A ``ready`` model runs with MLX as it is.
    """
    base = base_model(model)
    steps = as_it_is(model) if ready else ()
    return Finding(
        code="quantized_before",
        level="warning",
        message=f"{model.name} was quantized before, {how}: {len(found):,} weights are read as the plain numbers that"
        " they stand for now. What was lost then is lost in the result, too, whatever its bits.",
        hint=("It answers as it is. " if ready else "") + "Convert the original model for the best result.",
        remedies=(*steps, *((UseInstead(base),) if base else ())),
    )


def as_it_is(model: ModelInfo) -> Remedies:
    """To get a model that runs with MLX already, where it is not here."""
    return (RunCommand("get", (model.ref,)),) if model.path is None else ()


def said_dtype(model: ModelInfo) -> str:
    """The type that config.json says the numbers were of, as safetensors names it; BF16 where it says none."""
    text = model.config.get("text_config")
    inner = text.get("dtype") if isinstance(text, dict) else None
    said = model.config.get("torch_dtype") or model.config.get("dtype") or inner
    return dtypes.STORED.get(str(said), "BF16")
