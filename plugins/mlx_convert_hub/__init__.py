"""Built-in plugin: repos of the Hugging Face Hub as sources; the Hub and folders as places to send to; model cards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_convert_core.plugin import hookimpl

if TYPE_CHECKING:  # every command imports this module: what a hook needs is imported when it is called
    from mlx_convert_core.plugin import Account, ConvertPlan, Finding, FoundModel, ModelSource, SourceKind, UploadTarget


@hookimpl(trylast=True)
def model_source(ref: str, revision: str | None) -> ModelSource | None:
    """Take a repo id, a Hub address or ``hf://owner/name@revision``; what lies here under such a name is left alone."""
    from mlx_convert_hub.fetch.references import parse_ref

    named = parse_ref(ref, revision)
    if named is None:
        return None
    from mlx_convert_core.plugin import without_secrets
    from mlx_convert_hub.fetch.repo import HubRepo

    return HubRepo(without_secrets(ref), named.repo_id, named.revision)


@hookimpl(trylast=True)
def register_source_kinds() -> Iterable[SourceKind]:
    """Say what a name on the Hub looks like, and search for one."""
    from mlx_convert_core.plugin import SourceKind
    from mlx_convert_hub.fetch.references import lacking

    def search(words: str, limit: int) -> Iterable[FoundModel]:
        from mlx_convert_hub.search.words import search

        return search(words, limit)

    yield SourceKind(
        name="hub",
        title="Hugging Face",
        summary="Name on Hugging Face",
        example="Qwen/Qwen2.5-0.5B-Instruct",
        lacking=lacking,
        search=search,
    )


@hookimpl(trylast=True)
def pre_convert(plan: ConvertPlan) -> Iterable[Finding]:
    """Point out ready-made conversions, and what only holds for repos."""
    from mlx_convert_hub.fetch.findings import examine

    return examine(plan)


@hookimpl(trylast=True)
def post_convert(plan: ConvertPlan, staging: Path) -> None:
    """Write the model card."""
    from mlx_convert_hub.card.model_card import write_card

    write_card(plan, staging)


@hookimpl(trylast=True)
def register_upload_targets() -> Iterable[UploadTarget]:
    """Offer the Hub, and folders such as LM Studio's."""
    from mlx_convert_hub.send.folder_target import FolderTarget
    from mlx_convert_hub.send.hub_target import HubTarget

    return (HubTarget(), FolderTarget())


@hookimpl(trylast=True)
def register_accounts() -> Iterable[Account]:
    """Offer the Hugging Face account."""
    from mlx_convert_hub.client.account import HubAccount

    return (HubAccount(),)
