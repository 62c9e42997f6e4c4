"""A repo as it lies in the cache, for when the Hub can't be asked."""

from __future__ import annotations

from dataclasses import replace

from mlx_convert_core.plugin import CorruptCheckpoint, ModelInfo, SourceUnreachable, inspect_folder
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.cache import RepoCache, oid_of
from mlx_convert_hub.fetch.listing import card_of, check_numbering, from_branch
from mlx_convert_hub.fetch.transfer import PARALLEL

CONVERTED = "refs/convert/safetensors"  # where the Hub keeps what it has made of a repo's files of torch


def described_offline(
    connection: HubConnection, repo_id: str, revision: str | None, *, ref: str, name: str
) -> ModelInfo:
    """The description of a model that is whole in the cache. Raises SourceUnreachable, CorruptCheckpoint."""
    cache = RepoCache(connection.cache, repo_id)
    branch = revision or "main"
    if revision is None and cache.commit_of(branch) is None and cache.commit_of(CONVERTED) is not None:
        branch = CONVERTED
    commit = cache.commit_of(branch)
    if commit is None or not cache.snapshot(commit).is_dir():
        raise not_cached(connection, repo_id, f"is not in the cache at '{branch}'")
    folder = cache.snapshot(commit)
    try:
        model = inspect_folder(folder, ref=ref, name=name)
        check_numbering(repo_id, model.shards)
    except CorruptCheckpoint as error:
        if error.code in ("missing_shard", "empty_folder"):
            raise not_cached(connection, repo_id, "is only partly in the cache") from None
        raise
    if (
        model.config
        and not model.tensors
        and not model.findings
        and not model.matching("*.bin", "*.gguf", "*.pt", "*.pth")
    ):
        raise not_cached(connection, repo_id, "is only partly in the cache, without its weights")
    files = tuple(replace(file, oid=oid_of(folder / file.name)) for file in model.files)
    return replace(
        model,
        repo_id=repo_id,
        revision=commit,
        branch=branch,
        findings=(*model.findings, *([from_branch(repo_id, CONVERTED)] if branch == CONVERTED else ())),
        files=files,
        card=card_of(model.card),
        fetch_folder=connection.cache,
        fetch_window=PARALLEL + 1,
    )


def not_cached(connection: HubConnection, repo_id: str, what: str) -> SourceUnreachable:
    """The error that ``what`` is the matter with a repo in the cache, which alone may be asked."""
    return SourceUnreachable(
        f"{repo_id} {what} ({connection.cache}), and offline mode is on (HF_HUB_OFFLINE).",
        hint="Unset HF_HUB_OFFLINE and run it again, or use a model that is there.",
        code="offline",
    )
