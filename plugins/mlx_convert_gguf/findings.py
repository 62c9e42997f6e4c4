"""What is worth knowing about a model that comes from a GGUF file."""

from __future__ import annotations

from collections.abc import Iterator

from mlx_convert_core.plugin import Finding, ModelInfo, dtypes, units
from mlx_convert_gguf.container import type_name
from mlx_convert_gguf.fields import Fields
from mlx_convert_gguf.locate import is_from_gguf
from mlx_convert_gguf.origin import the_original
from mlx_convert_gguf.splits import read_model


def quantized_source(model: ModelInfo) -> Iterator[Finding]:
    """A finding when most of the file's bytes are quantized: a conversion can't bring back what that lost."""
    if model.path is None or not is_from_gguf(model):
        return
    totals: dict[str, int] = {}
    header = read_model(model.path)
    for tensor in header.tensors:
        kind = type_name(tensor.kind)
        totals[kind] = totals.get(kind, 0) + tensor.nbytes
    biggest = max(totals, key=lambda kind: totals[kind])
    if biggest not in dtypes.NAMES:
        bits = sum(totals.values()) * 8 / model.parameters
        yield Finding(
            code="gguf_quantized",
            level="info",
            message=f"{model.path.name} is quantized already ({biggest}, {units.bits_per_weight(bits)}): the result "
            "can't be more exact than that.",
            hint=f"That costs quality. {the_original(Fields(model.path.name, header.metadata))}",
        )
