"""A plugin of mlx-convert: a preset, a finding and an upload target, to be changed into yours.

Every function below is a hook; docs/hooks.md of mlx-convert has them all. Imports of heavy libraries (mlx, transformers,
numpy) go inside functions: every command of mlx-convert imports this module.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlx_convert_core.plugin import ConvertPlan, Finding, Preset, Quantization, UploadTarget, hookimpl, units

from mlx_convert_acme.shared_folder import SharedFolder

PRESET = "acme"
LARGEST = 8_000_000_000  # bytes of weights that the machines have memory for


@hookimpl
def register_presets() -> Iterable[Preset]:
    """Offer the preset: `mlx-convert convert REF --preset acme`."""
    yield Preset(
        name=PRESET,
        title="4 bit, small groups",
        summary="For machines with 16 GB of memory.",
        quantization=Quantization(bits=4, group_size=32),
    )


@hookimpl
def pre_convert(plan: ConvertPlan) -> Iterable[Finding]:
    """Say no, before anything is fetched, to what the machines can't hold. A ``warning`` would let it pass."""
    for output in plan.outputs:
        if output.preset == PRESET and output.weight_bytes > LARGEST:
            yield Finding(
                code="too_large",
                level="error",
                message=f"{output.path.name} would have {units.size(output.weight_bytes)} of weights.",
                hint=f"Choose a smaller model: at most {units.size(LARGEST)} fit.",
            )


@hookimpl
def register_upload_targets() -> Iterable[UploadTarget]:
    """Offer the place to send a model to: `mlx-convert upload MODEL --to acme:`."""
    yield SharedFolder()
