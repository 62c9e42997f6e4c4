"""Built-in plugin: a GGUF file as a source; what its architecture has a table for is turned back into a checkpoint.

The only package that imports gguf, and only inside functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlx_convert_core.plugin import hookimpl

if TYPE_CHECKING:  # every command imports this module: what a hook needs is imported when it is called
    from mlx_convert_core.plugin import ConvertPlan, Finding, ModelInfo, ModelSource, SourceKind, TensorDecoder


@hookimpl  # not trylast: it must be asked before the source for plain folders, and only takes what that can't
def model_source(ref: str, revision: str | None) -> ModelSource | None:
    """Take a GGUF file, or a folder whose only weights are one."""
    from mlx_convert_gguf.locate import gguf_at

    path = gguf_at(ref)
    if path is None:
        return None
    from mlx_convert_gguf.source import GgufFile

    return GgufFile(ref, path)


@hookimpl
def tensor_decoder(model: ModelInfo) -> Iterable[TensorDecoder]:
    """Read the weights of a GGUF file where they lie."""
    from mlx_convert_gguf.locate import is_from_gguf

    if model.path is None or not is_from_gguf(model):
        return ()
    from mlx_convert_gguf.decoder import GgufDecoder

    return (GgufDecoder(model.path),)


@hookimpl
def register_source_kinds() -> Iterable[SourceKind]:
    """Say what is taken."""
    from mlx_convert_core.plugin import SourceKind

    yield SourceKind(
        name="gguf",
        title="GGUF file",
        summary=".gguf file of a Llama, Qwen, Gemma, Phi or another model",
        example="~/models/Llama-3.2-1B-F16.gguf",
        local=True,
    )


@hookimpl
def pre_convert(plan: ConvertPlan) -> Iterable[Finding]:
    """Say so when the file's weights had been quantized before."""
    from mlx_convert_gguf.findings import quantized_source

    return quantized_source(plan.model)
