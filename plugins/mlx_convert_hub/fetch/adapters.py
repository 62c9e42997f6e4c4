"""A repo of the Hub that holds an adapter: described from its config and header, fetched into the user's cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlx_convert_core.plugin import Adapter, FileInfo, Reporter, adapter_files, hub_names, no_adapter
from mlx_convert_hub.client.connection import HubConnection
from mlx_convert_hub.fetch.cache import RepoCache
from mlx_convert_hub.fetch.download import Download
from mlx_convert_hub.fetch.headers import read_headers
from mlx_convert_hub.fetch.listing import root_files
from mlx_convert_hub.fetch.transfer import Transfer, run_all
from mlx_convert_hub.trouble.explain import explained

Settings = Callable[[HubConnection, str, FileInfo], dict[str, Any]]
"""Gives what is in a small JSON file of a commit."""


def described(connection: HubConnection, repo_id: str, revision: str | None, ref: str, settings: Settings) -> Adapter:
    """The adapter in a repo. Raises InvalidRequest (code ``no_adapter``), and what the Hub refuses."""
    with explained(connection.situation(repo_id, revision)):
        info = connection.ask(lambda: connection.describe(repo_id, revision))
        commit, named = str(info.sha), {file.name: file for file in root_files(info)}
        files = adapter_files(named)
        if not files or not hub_names.COMMIT.fullmatch(commit):
            raise no_adapter(ref)
        cache = RepoCache(connection.cache, repo_id)
        return Adapter(
            ref=ref,
            name=repo_id.partition("/")[2],
            folder=cache.snapshot(commit),
            config=settings(connection, commit, named[files[0]]),
            tensors=read_headers(connection, repo_id, commit, [named[files[1]]]),
            files=files,
            repo_id=info.id if hub_names.is_repo_id(info.id) else repo_id,
            revision=commit,
            fetch_bytes=sum(cache.missing_bytes(named[name], commit) for name in files),
        )


def cached_folder(connection: HubConnection, repo_id: str, revision: str | None) -> Path | None:
    """Where a repo's files are in the cache, None where they are not."""
    cache = RepoCache(connection.cache, repo_id)
    commit = cache.commit_of(revision or "main")
    return cache.snapshot(commit) if commit is not None and cache.snapshot(commit).is_dir() else None


def fetch(connection: HubConnection, repo_id: str, adapter: Adapter, report: Reporter) -> None:
    """Have the files of ``adapter`` in the cache."""
    commit = str(adapter.revision)
    with explained(connection.situation(repo_id, commit)):
        info = connection.ask(lambda: connection.describe(repo_id, commit))
    files = [file for file in root_files(info) if file.name in adapter.files]
    transfer = Transfer()
    run_all(files, Download(connection, repo_id, commit, transfer).get, transfer, report)
