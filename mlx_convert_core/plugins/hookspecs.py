"""Every hook of mlx-convert. A plugin is a module with functions of these names, marked ``@hookimpl``.

Three kinds, three rules:

- **Providers** are asked one after the other, third parties first; the first answer that is not None counts.
- **Moments** and **registrars** are called in every plugin.

What a hook is handed is frozen, except the staging folder that `post_convert` may write in. A hook may
take fewer arguments than its specification names. ``Finding``, ``Preset`` and all other types come from
the root of ``mlx_convert_core``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from mlx_convert_core.model.events import AnyEvent
    from mlx_convert_core.model.findings import Finding
    from mlx_convert_core.model.inspection import ModelInfo
    from mlx_convert_core.model.plan import ConvertPlan
    from mlx_convert_core.model.quantization import Preset, Quantization, QuantizeStrategy
    from mlx_convert_core.model.requests import ConvertRequest, GenerateRequest, GenerationExtras
    from mlx_convert_core.plugins.checks import ModelCheck
    from mlx_convert_core.plugins.decoding import TensorDecoder
    from mlx_convert_core.plugins.interfaces import (
        LibraryStore,
        MeasuredStrategy,
        ModelConverter,
        ModelRunner,
        ModelSource,
        QuantizeMethod,
        UploadTarget,
    )
    from mlx_convert_core.plugins.offers import Account, Command, Page
    from mlx_convert_core.plugins.scoring import MeasuringText, Metric, TaskSet
    from mlx_convert_core.plugins.source_kinds import SourceKind

GROUP = "mlx_convert"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)

# Providers: the first answer counts.


@hookspec(firstresult=True)
def model_source(ref: str, revision: str | None) -> ModelSource | None:
    """Say where the model named ``ref`` comes from; None means: not mine. Runs in parent and worker.

    Also asked while somebody types, so it looks at the ref and asks no network; that is for ``inspect``.

    Example::

        @hookimpl
        def model_source(ref, revision):
            if ref.startswith("s3://"):
                return BucketSource(ref)
    """


@hookspec(firstresult=True)
def model_converter(model: ModelInfo, request: ConvertRequest) -> ModelConverter | None:
    """Offer to convert ``model``; methods that change weights from data (AWQ, DWQ) are converters too.

    Example::

        @hookimpl
        def model_converter(model, request):
            if request.strategy == "awq":
                return AwqConverter()
    """


@hookspec(firstresult=True)
def model_runner(path: Path, config: Mapping[str, Any], trust_remote_code: bool) -> ModelRunner | None:
    """Offer to run the converted model in the folder ``path``. Runs in the worker.

    Python files of the model itself may be run only with ``trust_remote_code``: a person agreed to it.

    Example::

        @hookimpl
        def model_runner(path, config):
            if config.get("model_type") == "whisper":
                return WhisperRunner(path)
    """


@hookspec(firstresult=True)
def quantize_strategy(
    name: str, model: ModelInfo, quantization: Quantization
) -> QuantizeStrategy | MeasuredStrategy | None:
    """The strategy called ``name``: a function asked once a layer, or a `MeasuredStrategy`. Runs in parent and worker.

    Example::

        @hookimpl
        def quantize_strategy(name, model, quantization):
            if name == "keep_head":
                return lambda layer: None if layer.path == "lm_head" else quantization
    """


@hookspec(firstresult=True)
def quantize_method(name: str, model: ModelInfo) -> QuantizeMethod | None:
    """The way of rounding called ``name``: how a layer's numbers get their bits. Runs in parent and worker.

    Example::

        @hookimpl
        def quantize_method(name, model):
            if name == "centred":
                return Centred()
    """


@hookspec(firstresult=True)
def library_store(home: Path) -> LibraryStore | None:
    """Where the list of converted models is kept. Runs in the parent.

    Example::

        @hookimpl
        def library_store(home):
            return SqliteLibrary(home / "library.db")
    """


# Moments: every implementation is called.


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


# Registrars: every implementation is called; items are named, and a name taken twice is an error.


@hookspec
def register_presets() -> Iterable[Preset]:
    """Offer presets.

    Example::

        @hookimpl
        def register_presets():
            yield Preset(name="ios", title="iPhone", summary="Small phones.",
                         quantization=Quantization(bits=4, group_size=32))
    """
    return ()


@hookspec
def register_source_kinds() -> Iterable[SourceKind]:
    """Say what the refs of this plugin's `model_source` look like. A source needs none, but is easier to find with one.

    Example::

        @hookimpl
        def register_source_kinds():
            yield SourceKind(name="s3", title="S3", summary="Model in a bucket", example="s3://models/Qwen2.5-0.5B")
    """
    return ()


@hookspec
def register_checks() -> Iterable[ModelCheck]:
    """Offer checks of a converted model: it is loaded, and asked, before it is published.

    Example::

        @hookimpl
        def register_checks():
            yield ModelCheck(name="paris", summary="It knows the capital of France", check=knows_paris)
    """
    return ()


@hookspec
def register_upload_targets() -> Iterable[UploadTarget]:
    """Offer places that converted models can be sent to: ``mlx-convert upload MODEL --to NAME:...``.

    Example::

        @hookimpl
        def register_upload_targets():
            yield BucketTarget(name="bucket", summary="a bucket of the team: bucket:folder/Name")
    """
    return ()


@hookspec
def register_accounts() -> Iterable[Account]:
    """Offer accounts that a person signs in to: ``mlx-convert account``.

    Example::

        @hookimpl
        def register_accounts():
            yield TeamAccount(name="team", title="The team's server")
    """
    return ()


@hookspec
def register_metrics() -> Iterable[Metric]:
    """Offer figures of a model's quality. Runs in the worker.

    Example::

        @hookimpl
        def register_metrics():
            yield Metric(name="top5", title="In the first five", per_token=found_in_five, better="higher")
    """
    return ()


@hookspec
def register_texts() -> Iterable[MeasuringText]:
    """Offer texts to measure with. Runs in the worker.

    Example::

        @hookimpl
        def register_texts():
            yield MeasuringText(name="letters", title="Letters of the firm", load=read_letters)
    """
    return ()


@hookspec
def register_tasks() -> Iterable[TaskSet]:
    """Offer questions to measure with. Runs in the worker.

    Example::

        @hookimpl
        def register_tasks():
            yield TaskSet(name="spelling", title="Spelling", load=read_questions)
    """
    return ()


@hookspec
def register_commands() -> Iterable[Command]:
    """Offer commands for the CLI. Name them in the entry-point group ``mlx_convert_commands`` as well,
    so that ``mlx-convert --help`` lists them without loading the plugin.

    Example::

        @hookimpl
        def register_commands():
            yield Command(name="hello", summary="Say hello", load=lambda: hello_command)
    """
    return ()


@hookspec
def register_pages() -> Iterable[Page]:
    """Offer pages for the browser UI. ``load`` is called when the page is opened, and may import nicegui.

    Example::

        @hookimpl
        def register_pages():
            yield Page(name="hello", title="Hello", summary="Says hello", load=lambda: draw_hello)
    """
    return ()
