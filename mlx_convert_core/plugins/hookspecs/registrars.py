"""Hooks that are called in every plugin for what it offers; items are named, and a name taken twice is an error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlx_convert_core.plugins.hookspecs.markers import hookspec

if TYPE_CHECKING:
    from mlx_convert_core.model.quantization import Preset
    from mlx_convert_core.plugins.checks import ModelCheck
    from mlx_convert_core.plugins.interfaces import UploadTarget
    from mlx_convert_core.plugins.offers import Account, Command, Page
    from mlx_convert_core.plugins.scoring import MeasuringText, Metric, TaskSet
    from mlx_convert_core.plugins.source_kinds import SourceKind


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
