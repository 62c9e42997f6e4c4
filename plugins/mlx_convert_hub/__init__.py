"""Built-in plugin: repos of the Hugging Face Hub as sources; the Hub and folders as places to send to; model cards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlx_convert_core.plugin import (
    Account,
    ConvertPlan,
    Finding,
    ModelSource,
    SourceKind,
    UploadTarget,
    hookimpl,
    without_secrets,
)
from mlx_convert_hub.card.model_card import write_card
from mlx_convert_hub.client.account import HubAccount
from mlx_convert_hub.fetch.findings import examine
from mlx_convert_hub.fetch.references import lacking, parse_ref
from mlx_convert_hub.fetch.repo import HubRepo
from mlx_convert_hub.send.folder_target import FolderTarget
from mlx_convert_hub.send.hub_target import HubTarget


@hookimpl(trylast=True)
def model_source(ref: str, revision: str | None) -> ModelSource | None:
    """Take a repo id, a Hub address or ``hf://owner/name@revision``; what lies here under such a name is left alone."""
    named = parse_ref(ref, revision)
    return HubRepo(without_secrets(ref), named.repo_id, named.revision) if named is not None else None


@hookimpl(trylast=True)
def register_source_kinds() -> Iterable[SourceKind]:
    """Say what a name on the Hub looks like."""
    yield SourceKind(
        name="hub",
        title="Hugging Face",
        summary="Name on Hugging Face",
        example="Qwen/Qwen2.5-0.5B-Instruct",
        lacking=lacking,
    )


@hookimpl(trylast=True)
def pre_convert(plan: ConvertPlan) -> Iterable[Finding]:
    """Point out ready-made conversions, and what only holds for repos."""
    return examine(plan)


@hookimpl(trylast=True)
def post_convert(plan: ConvertPlan, staging: Path) -> None:
    """Write the model card."""
    write_card(plan, staging)


@hookimpl(trylast=True)
def register_upload_targets() -> Iterable[UploadTarget]:
    """Offer the Hub, and folders such as LM Studio's."""
    return (HubTarget(), FolderTarget())


@hookimpl(trylast=True)
def register_accounts() -> Iterable[Account]:
    """Offer the Hugging Face account."""
    return (HubAccount(),)
