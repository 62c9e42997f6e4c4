"""Send a converted model somewhere: found, checked in the parent, carried out in a worker."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from mlx_convert_core.errors import InvalidRequest
from mlx_convert_core.model.requests import UploadRequest
from mlx_convert_core.model.results import UploadResult
from mlx_convert_core.plugins.calling import Hooks
from mlx_convert_core.plugins.interfaces import UploadTarget
from mlx_convert_core.plugins.offers import Account
from mlx_convert_core.running.context import JobContext
from mlx_convert_core.writing.soundness import refuse_damaged, refuse_spoiled


def upload_targets(hooks: Hooks) -> dict[str, UploadTarget]:
    """The upload targets of all plugins, by name."""
    return hooks.register("register_upload_targets")


def accounts(hooks: Hooks) -> dict[str, Account]:
    """The accounts of all plugins, by name."""
    return hooks.register("register_accounts")


def target_of(request: UploadRequest, targets: Mapping[str, UploadTarget]) -> UploadTarget:
    """The target that ``request`` names; raises InvalidRequest (code ``upload_target``)."""
    if request.target in targets:
        return targets[request.target]
    close = get_close_matches(request.target, targets, n=1)
    raise InvalidRequest(
        f"there is no upload target '{request.target}'.",
        hint=(f"Did you mean {close[0]}? " if close else "") + f"There are: {', '.join(sorted(targets)) or 'none'}.",
        code="upload_target",
    )


def checked(request: UploadRequest, targets: Mapping[str, UploadTarget]) -> UploadRequest:
    """``request`` with its name filled in; raises what stands in the way, before anything moves.

    A model that is damaged goes nowhere, whatever the target; one may also be asked about before it is made.
    """
    target = target_of(request, targets)
    if request.path.is_dir():
        refuse_damaged(request.path)
    return target.check(request)


def upload(request: UploadRequest, context: JobContext) -> UploadResult:
    """Read the model of a checked request through, and send it. Runs in the worker."""
    began = time.monotonic()
    target = target_of(request, upload_targets(context.hooks))
    with context.step("check"):
        infinite = refuse_spoiled(request.path, lambda done, total: _advance(context, done, total))
        if infinite:
            context.message(_infinite(infinite), "warning")
    with context.step("upload"):
        result = target.upload(request, context)
    if not isinstance(result, UploadResult):
        hook = "register_upload_targets"
        error = TypeError(f"upload() of {request.target} gave a {type(result).__name__}, not an UploadResult")
        raise context.hooks.fault(context.hooks.owner(hook, request.target), hook, error)
    return replace(result, seconds=time.monotonic() - began)


def _infinite(counts: Mapping[str, int]) -> str:
    """What is said of infinite values, which may be meant: a mask is made of them."""
    name, count = max(counts.items(), key=lambda one: one[1])
    several = f", and {len(counts) - 1:,} more tensors have some" if len(counts) > 1 else ""
    values = "values" if count > 1 else "value"
    return f"the tensor {name} has {count:,} infinite {values}{several}: they spoil answers, unless it is a mask."


def _advance(context: JobContext, done: int, total: int) -> None:
    context.check_cancelled()
    context.progress("check", done, total)
