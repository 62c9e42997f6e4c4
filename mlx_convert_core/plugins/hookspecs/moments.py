"""Hooks that are called in every plugin at a moment of a job."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_convert_core.plugins.hookspecs.markers import hookspec

if TYPE_CHECKING:
    from mlx_convert_core.model.events import AnyEvent
    from mlx_convert_core.model.findings import Finding
    from mlx_convert_core.model.inspection import ModelInfo
    from mlx_convert_core.model.plan import ConvertPlan
    from mlx_convert_core.model.requests import ConvertRequest, GenerateRequest, GenerationExtras
    from mlx_convert_core.plugins.decoding import TensorDecoder


@hookspec
def tensor_decoder(model: ModelInfo, request: ConvertRequest) -> Iterable[TensorDecoder] | None:
    """Offer to show stored tensors of ``model`` as plain numbers. Runs in parent and worker.

    Of what several claim, the first one asked has it.

    Example::

        @hookimpl
        def tensor_decoder(model, request):
            yield Halves()
    """


@hookspec
def pre_convert(plan: ConvertPlan) -> Iterable[Finding] | None:
    """Look at a plan before bytes move; an error finding refuses. Runs in the parent.

    Example::

        @hookimpl
        def pre_convert(plan):
            if plan.model.card.get("license") == "other":
                yield Finding(code="licence", level="warning", message="Read the licence first.")
    """


@hookspec
def examine_files(plan: ConvertPlan, folder: Path) -> Iterable[Finding] | None:
    """Look at tokenizer, chat template and settings of a source before a weight is read. Runs in the worker.

    ``folder`` holds them, and is not to be written in; an error finding refuses. It is called with an exact plan, if
    the source is a `SmallFilesSource`; for any other one as soon as it is fetched.

    Example::

        @hookimpl
        def examine_files(plan, folder):
            if not (folder / "LICENSE").exists():
                yield Finding(code="licence", level="warning", message="There is no licence beside the weights.")
    """


@hookspec
def post_convert(plan: ConvertPlan, staging: Path) -> Iterable[Finding] | None:
    """Add to, or judge, a finished folder before it is checked and published. Runs in the worker.

    Called once for each output; ``staging`` is its folder. Changing weights is refused by the check.

    Example::

        @hookimpl
        def post_convert(plan, staging):
            (staging / "NOTES.md").write_text(f"Converted from {plan.model.ref}")
    """


@hookspec
def on_generate(request: GenerateRequest) -> GenerationExtras | None:
    """Add to one answer before its first token: logits processors, stop texts. Runs in the worker.

    Example::

        @hookimpl
        def on_generate(request):
            return GenerationExtras(stop=("###",))
    """


@hookspec
def on_event(event: AnyEvent) -> None:
    """See every event of every job. Runs in the parent, on one thread; an error here is never fatal.

    Example::

        @hookimpl
        def on_event(event):
            if isinstance(event, JobFailed):
                notify(event.error.message)
    """
