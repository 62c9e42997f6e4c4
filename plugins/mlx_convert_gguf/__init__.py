"""Built-in plugin: a GGUF file of a llama or a Qwen as a source; it is turned back into a bf16 checkpoint.

The only package that imports gguf, and only inside functions.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlx_convert_core.plugin import ConvertPlan, Finding, ModelSource, SourceKind, hookimpl
from mlx_convert_gguf.findings import quantized_source
from mlx_convert_gguf.locate import gguf_at
from mlx_convert_gguf.source import GgufFile


@hookimpl  # not trylast: it must be asked before the source for plain folders, and only takes what that can't
def model_source(ref: str, revision: str | None) -> ModelSource | None:
    """Take a GGUF file, or a folder whose only weights are one."""
    path = gguf_at(ref)
    return GgufFile(ref, path) if path is not None else None


@hookimpl
def register_source_kinds() -> Iterable[SourceKind]:
    """Say what is taken."""
    yield SourceKind(
        name="gguf",
        title="GGUF file",
        summary=".gguf file of a Llama, Mistral or Qwen",
        example="~/models/Llama-3.2-1B-F16.gguf",
        local=True,
    )


@hookimpl
def pre_convert(plan: ConvertPlan) -> Iterable[Finding]:
    """Say so when the file's weights had been quantized before."""
    return quantized_source(plan.model)
