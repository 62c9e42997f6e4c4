"""A repo of the Hub as a source: described before anything is downloaded, then fetched into the user's cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlx_convert_core.plugin import (
    CARD_BYTES,
    CONFIG_BYTES,
    INDEX_BYTES,
    Adapter,
    CorruptCheckpoint,
    FileInfo,
    FoundModel,
    ModelInfo,
    RepoNotFound,
    Reporter,
    RevisionNotFound,
    SourceAbout,
    SourceError,
    SourceUnreachable,
    TensorInfo,
    UseInstead,
    Weights,
    card_text,
    choose_weights,
    file_names,
    hub_names,
    inspect_adapter,
    read_config,
)
from mlx_convert_hub.client.connection import PATIENCE_SECONDS, HubConnection
from mlx_convert_hub.fetch.adapters import cached_folder, described, fetch
from mlx_convert_hub.fetch.cache import RepoCache
from mlx_convert_hub.fetch.download import Download
from mlx_convert_hub.fetch.headers import read_headers
from mlx_convert_hub.fetch.listing import (
    about_text,
    card_of,
    check_numbering,
    fetched_first,
    from_branch,
    needed,
    only_of_torch,
    root_files,
    two_in_one,
    weights_elsewhere,
)
from mlx_convert_hub.fetch.offline import CONVERTED, described_offline, not_cached
from mlx_convert_hub.fetch.transfer import PARALLEL, POLL_SECONDS, Transfer, run_all
from mlx_convert_hub.search.published import COMMUNITY, conversions
from mlx_convert_hub.search.rows import row_of
from mlx_convert_hub.search.words import names_like
from mlx_convert_hub.trouble.explain import explained

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo as HubInfo

ABOUT_SECONDS = 6.0  # for what people think of a model: it is beside what was asked


@dataclass(frozen=True)
class HubRepo:
    """The repo ``repo_id`` at ``revision``. Implements CachedSource, DescribedSource, PublishedSource,
    SmallFilesSource and DiscardableSource."""

    ref: str
    repo_id: str
    revision: str | None = None
    connection_to: HubConnection | None = None

    @property
    def connection(self) -> HubConnection:
        """How the Hub is reached; by default as the user has set up its client."""
        return self.connection_to or HubConnection.from_environment()

    @property
    def name(self) -> str:
        """What the model is called: the repo's name without its owner."""
        return self.repo_id.partition("/")[2]

    def inspect(self) -> ModelInfo:
        """See ModelSource: at most three requests, and one small one for each weight file."""
        connection = self.connection
        if connection.offline:
            return self._offline(connection)
        try:
            return self._asked(connection)
        except RepoNotFound as error:
            error.remedies += tuple(map(UseInstead, names_like(connection, self.repo_id)))
            raise

    def _asked(self, connection: HubConnection) -> ModelInfo:
        with explained(connection.situation(self.repo_id, self.revision)):
            info = connection.ask(lambda: connection.describe(self.repo_id, self.revision))
            if info.gated:
                connection.ask(lambda: connection.get(f"/api/models/{self.repo_id}/auth-check"))
            if self.revision is None and only_of_torch(root_files(info)):
                converted = self._converted(connection)
                if converted is not None:
                    return converted
            return self._described(connection, info)

    def _converted(self, connection: HubConnection) -> ModelInfo | None:
        """The model as the Hub has made safetensors of its files of torch, on a branch; None where it has not."""
        try:
            with explained(connection.situation(self.repo_id, CONVERTED)):
                info = connection.ask(lambda: connection.describe(self.repo_id, CONVERTED))
        except RevisionNotFound:
            return None
        files = root_files(info)
        if not any(file.name == file_names.CONFIG for file in files) or only_of_torch(files):
            return None
        model = self._described(connection, info)
        if not model.tensors or model.findings:
            return None
        return replace(model, branch=CONVERTED, findings=(from_branch(self.repo_id, CONVERTED),))

    def cached(self) -> ModelInfo | None:
        """See CachedSource."""
        try:
            return self._offline(self.connection)
        except SourceUnreachable:
            return None

    def adapter(self) -> Adapter:
        """See AdapterSource."""
        connection = self.connection
        if connection.offline:
            folder = cached_folder(connection, self.repo_id, self.revision)
            if folder is None:
                raise not_cached(connection, self.repo_id, "is not in the cache")
            return inspect_adapter(folder, self.ref)
        return described(connection, self.repo_id, self.revision, self.ref, self._settings)

    def fetch_adapter(self, adapter: Adapter, report: Reporter) -> None:
        """See AdapterSource; its files go into the Hugging Face cache."""
        fetch(self.connection, self.repo_id, adapter, report)

    def conversions(self, model: ModelInfo) -> tuple[FoundModel, ...]:
        """See PublishedSource; () for what is mlx-community's own, and while the Hub can't be asked."""
        connection = self.connection
        if connection.offline or model.repo_id is None or model.repo_id.startswith(f"{COMMUNITY}/"):
            return ()
        with explained(connection.situation(model.repo_id)):
            return conversions(connection, model.repo_id)

    def about(self, model: ModelInfo) -> SourceAbout:
        """See DescribedSource: one request, and one for the card unless it is here; offline only the card."""
        connection, commit = self.connection, str(model.revision)
        with explained(connection.situation(self.repo_id, commit)):
            found = None if connection.offline else row_of(connection, self.repo_id, ABOUT_SECONDS)
        folder = model.path or RepoCache(connection.cache, self.repo_id).snapshot(commit)
        card = next((file for file in model.matching(file_names.CARD) if file.size <= CARD_BYTES), None)
        if card is not None and model.path is None:
            self._small_file(connection, commit, card)
        return SourceAbout(card=card_text(folder), found=found)

    def small_files(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        """See SmallFilesSource; they go into the Hugging Face cache, where `stream` finds them."""
        connection, commit = self.connection, str(model.revision)
        transfer = Transfer()
        download = Download(connection, self.repo_id, commit, transfer)
        run_all(about_text(model.files), download.get, transfer, report)
        return download.cache.snapshot(commit)

    def fetch(self, model: ModelInfo, scratch: Path, report: Reporter) -> Path:
        """See ModelSource."""
        return self.stream(model, scratch, report, lambda path: None)

    def discard(self, model: ModelInfo, path: Path) -> None:
        """See DiscardableSource."""
        RepoCache(self.connection.cache, self.repo_id).remove(path)

    def stream(self, model: ModelInfo, scratch: Path, report: Reporter, arrived: Callable[[Path], Any]) -> Path:
        """See StreamedSource; ``scratch`` stays empty: files go into the Hugging Face cache."""
        connection, commit = self.connection, str(model.revision)
        shards = set(model.shards)
        files = needed(model.files, shards)
        transfer = Transfer(sum(file.size for file in files), report)
        download = Download(connection, self.repo_id, commit, transfer)

        def one(file: FileInfo) -> None:
            path = download.get(file)
            while file.name in shards and arrived(path) is False:
                transfer.wait(POLL_SECONDS)

        run_all(files, one, transfer, report)
        with explained(connection.situation(self.repo_id, commit)):
            if model.branch and not connection.offline:
                download.cache.remember(model.branch, commit)
        return download.cache.snapshot(commit)

    def _offline(self, connection: HubConnection) -> ModelInfo:
        return described_offline(connection, self.repo_id, self.revision, ref=self.ref, name=self.name)

    def _described(self, connection: HubConnection, info: HubInfo) -> ModelInfo:
        commit = str(info.sha)
        if not hub_names.COMMIT.fullmatch(commit):
            raise SourceError(
                f"the Hub gave no commit for {self.repo_id}.", hint="Try again, or name another revision."
            )
        files = root_files(info)
        cache = RepoCache(connection.cache, self.repo_id)
        model = ModelInfo(
            ref=self.ref,
            name=self.name,
            repo_id=info.id if hub_names.is_repo_id(info.id) else self.repo_id,
            revision=commit,
            branch=self.revision or "main",
            files=files,
            card=card_of(info.card_data),
            page=f"{connection.site}/{self.repo_id}",
            fetch_folder=connection.cache,
            fetch_window=PARALLEL + 1,
        )
        named = {file.name: file for file in files}
        if file_names.CONFIG in named:
            config = self._settings(connection, commit, named[file_names.CONFIG])
            found = self._weights(connection, commit, named)
            inner = None if found.tensors or found.findings else weights_elsewhere(self.repo_id, info)
            model = replace(
                model,
                config=config,
                tensors=found.tensors,
                findings=(*found.findings, *((inner,) if inner is not None else ())),
            )
            check_numbering(self.repo_id, model.shards)
            missing = (cache.missing_bytes(file, commit) for file in needed(files, model.shards))
            return replace(model, fetch_bytes=sum(missing))
        if file_names.ADAPTER in named and not model.card.get("base_model"):
            base = self._settings(connection, commit, named[file_names.ADAPTER]).get("base_model_name_or_path")
            return replace(
                model, card={**model.card, **({"base_model": base} if hub_names.is_repo_id(str(base)) else {})}
            )
        return model

    def _weights(self, connection: HubConnection, commit: str, named: Mapping[str, FileInfo]) -> Weights:
        """The tensors of the model's weight files. Raises CorruptCheckpoint."""

        def headers(names: Sequence[str]) -> tuple[TensorInfo, ...]:
            return read_headers(connection, self.repo_id, commit, [named[name] for name in names])

        def index(name: str) -> Mapping[str, str]:
            found = self._settings(connection, commit, named[name], INDEX_BYTES).get("weight_map")
            return {str(tensor): str(file) for tensor, file in found.items()} if isinstance(found, dict) else {}

        try:
            weights = choose_weights(named, headers, index)
        except CorruptCheckpoint as error:
            raise two_in_one(self.repo_id, error) if error.code == "mixed_shards" else error from None
        step = fetched_first(self.repo_id)
        return replace(weights, findings=tuple(replace(one, remedies=step) for one in weights.findings))

    def _settings(
        self, connection: HubConnection, commit: str, file: FileInfo, limit: int = CONFIG_BYTES
    ) -> dict[str, Any]:
        """What is in a small JSON file."""
        if file.size > limit:
            raise CorruptCheckpoint(
                f"{file.name} of {self.repo_id} has {file.size:,} bytes; such a file has {limit:,} at most.",
                hint="It is not what its name says. Look at it on the model's page.",
                code="too_big",
            )
        return read_config(self._small_file(connection, commit, file), limit)

    def _small_file(self, connection: HubConnection, commit: str, file: FileInfo) -> Path:
        """A file in the cache that is waited for as for an answer: nobody is told, and nobody can cancel."""
        brief = replace(connection, stall_seconds=min(connection.stall_seconds, PATIENCE_SECONDS))
        transfer = Transfer()
        download = Download(brief, self.repo_id, commit, transfer, tries=1, waited_for=True)
        try:
            return connection.ask(lambda: download.get(file))
        finally:
            transfer.stop()
