"""What is worth knowing about a source before it is converted, and costs little to find out."""

from __future__ import annotations

from collections.abc import Iterator

from mlx_convert_core.plugin import (
    ConvertPlan,
    Finding,
    LeaveOut,
    ModelInfo,
    OpenPage,
    RunElsewhere,
    UseInstead,
    command,
    hub_names,
)
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.references import is_path
from mlx_convert_hub.search.published import COMMUNITY, conversions

SHOWN = 3


def examine(plan: ConvertPlan, connection: HubConnection | None = None) -> Iterator[Finding]:
    """The findings about ``plan``; for a source on the Hub one of them takes a request."""
    model = plan.model
    if model.repo_id is None or is_path(model.ref):
        yield from _folder_taken(model)
        return
    connection = connection or HubConnection.from_environment()
    yield from _custom_code(plan)
    yield from _gone_for_good(plan, connection)
    yield from _ready_made(plan, connection)


def _folder_taken(model: ModelInfo) -> Iterator[Finding]:
    if model.path is not None and hub_names.is_repo_id(model.ref):
        yield Finding(
            code="folder_taken",
            level="info",
            message=f"{model.ref} is a {'file' if model.path.is_file() else 'folder'} here, and that was taken.",
            hint="The repo of this name on the Hub can be named, too.",
            remedies=(UseInstead(f"hf://{model.ref}"),),
        )


def _custom_code(plan: ConvertPlan) -> Iterator[Finding]:
    """Code is never downloaded, so it can't be allowed to run from afar either."""
    if plan.request.trust_remote_code and plan.model.config.get("model_file"):
        fetch = command("hf download", plan.model.repo_id or plan.model.ref, "--local-dir", plan.model.name)
        yield Finding(
            code="custom_code",
            level="error",
            message=f"{plan.model.name} needs Python code of its own, and code is never downloaded unseen.",
            hint="Fetch the repo, read the code, and convert that folder.",
            remedies=(RunElsewhere(fetch), UseInstead(f"./{plan.model.name}")),
        )


def _gone_for_good(plan: ConvertPlan, connection: HubConnection) -> Iterator[Finding]:
    if plan.request.discard_source and connection.offline:
        yield Finding(
            code="discard_source",
            level="error",
            message=f"the weight files of {plan.model.repo_id} can't be deleted as they are used: offline mode is on"
            " (HF_HUB_OFFLINE), and they could not be fetched again.",
            hint="Keep them, or unset HF_HUB_OFFLINE.",
            remedies=(LeaveOut("discard_source"),),
        )


def _ready_made(plan: ConvertPlan, connection: HubConnection) -> Iterator[Finding]:
    """Conversions on mlx-community; nobody has to know when they can't be asked for."""
    model = plan.model
    if connection.offline or model.repo_id is None or model.repo_id.startswith(f"{COMMUNITY}/"):
        return
    try:
        names = [found.ref for found in conversions(connection, model.repo_id)]
    except Exception:
        return
    found = sorted(names, key=lambda name: not any(_is_preset(name, model, out.preset) for out in plan.outputs))
    if not found:
        return
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    yield Finding(
        code="already_converted",
        level="info",
        message=f"already converted: {', '.join(found[:SHOWN])}{more}.",
        hint=f"Look at {found[0]} if you don't need your own.",
        remedies=(OpenPage(f"{connection.site}/{found[0]}"),),
    )


def _is_preset(name: str, model: ModelInfo, preset: str) -> bool:
    return name.lower() == f"{COMMUNITY}/{model.name}-{preset}".lower()
